"""Makes the JSON of the API's answers, shaped as the reference's examples: scalars are strings."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import md5
from typing import Any

import orjson

from local.sandbox.activecampaign.contacts import STATUSES, Contact
from local.sandbox.activecampaign.state import MULTIPLE, Account, CustomField

_CREATED = "2018-08-06T16:30:41-05:00"


def timestamp(seconds: float) -> str:
    """ISO 8601 with an offset, as in all answers."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _links(account: Account, path: str, *names: str) -> dict[str, str]:
    return {name: f"https://{account.host}/api/3/{path}/{name}" for name in names}


def user(account: Account) -> dict[str, Any]:
    """The user whose key it is."""
    names = ("lists", "userGroup", "dealGroupTotals", "dealGroupUsers", "configs")
    return {
        "username": f"owner{account.number}",
        "firstName": "Olive",
        "lastName": "Owner",
        "email": account.email,
        "phone": "",
        "signature": None,
        "links": _links(account, "users/1", *names),
        "id": "1",
    }


def contact_list(account: Account, number: int) -> dict[str, Any]:
    """A list, with the properties that somebody could miss."""
    name = account.lists[number]
    return {
        "stringid": name.lower().replace(" ", "-"),
        "userid": "1",
        "name": name,
        "cdate": _CREATED,
        "private": "0",
        "analytics_domains": None,
        "carboncopy": None,
        "to_name": "Subscriber",
        "optinoptout": "1",
        "sender_name": "",
        "sender_url": "http://www.example.com",
        "sender_reminder": "You signed up for my mailing list.",
        "fulladdress": "",
        "deletestamp": None,
        "udate": None,
        "links": _links(account, f"lists/{number}", "contactGoalLists", "user", "addressLists"),
        "id": str(number),
        "user": "1",
    }


def fields(account: Account, shown: Iterable[CustomField], total: int) -> dict[str, Any]:
    """A page of custom fields; options and relations stand beside them, by id.

    The properties of those two are our guess: the reference's example has none.
    """
    one_page = list(shown)
    options = [option for one in one_page for option in _options(one)]
    relations = [
        {"field": str(one.id), "relid": "0", "dorder": "0", "cdate": None, "id": str(one.id)}
        for one in one_page
    ]
    return {
        "fieldOptions": options,
        "fieldRels": relations,
        "fields": [_field(account, one) for one in one_page],
        "meta": {"total": str(total)},
    }


def _field(account: Account, one: CustomField) -> dict[str, Any]:
    return {
        "title": one.title,
        "descript": None,
        "type": one.type,
        "isrequired": "1" if one.required else "0",
        "perstag": one.tag,
        "defval": None,
        "show_in_list": "0",
        "rows": "0",
        "cols": "0",
        "visible": "1",
        "service": "",
        "ordernum": str(one.id),
        "cdate": _CREATED,
        "udate": _CREATED,
        "options": [option["id"] for option in _options(one)],
        "relations": [str(one.id)],
        "links": _links(account, f"fields/{one.id}", "options", "relations"),
        "id": str(one.id),
    }


def _options(one: CustomField) -> list[dict[str, Any]]:
    return [
        {
            "field": str(one.id),
            "orderid": str(order),
            "value": value,
            "label": value,
            "isdefault": "0",
            "cdate": _CREATED,
            "udate": _CREATED,
            "id": str(one.id * 100 + order),
        }
        for order, value in enumerate(one.options, 1)
    ]


def contact(account: Account, one: Contact) -> dict[str, Any]:
    """A contact as `GET /contacts` shows it."""
    values = orjson.loads(one.values)
    return {
        "cdate": timestamp(one.created),
        "email": one.email,
        "phone": values.get("phone", ""),
        "firstName": values.get("first_name", ""),
        "lastName": values.get("last_name", ""),
        "orgid": "0",
        "bounced_hard": "1" if one.bounced else "0",
        "bounced_soft": "0",
        "hash": md5(one.email.encode(), usedforsecurity=False).hexdigest(),
        "deleted": "0",
        "anonymized": "0",
        "udate": timestamp(one.changed),
        "links": _links(
            account, f"contacts/{one.id}", "contactLists", "contactTags", "fieldValues"
        ),
        "id": str(one.id),
        "organization": None,
    }


def memberships(one: Contact) -> list[dict[str, Any]]:
    """The lists of a contact, as `GET /contacts/{id}/contactLists` shows them."""
    return [
        {
            "contact": str(one.id),
            "list": str(list_id),
            "status": str(status),
            "id": f"{one.id}{list_id:03}",
        }
        for list_id, status in one.lists
    ]


def inspected(account: Account, one: Contact) -> dict[str, Any]:
    """Everything about a contact; no part of the vendor's API."""
    values = orjson.loads(one.values)
    names = {status: name for name, status in STATUSES.items()}
    return {
        "id": one.id,
        "email": one.email,
        **{name: value for name, value in values.items() if name != "fields"},
        "fields": {
            number: _field_value(account, number, value)
            for number, value in values.get("fields", {}).items()
        },
        "lists": {str(list_id): names[status] for list_id, status in one.lists},
        "tags": one.tags,
        "bounced": one.bounced,
        "times_written": one.writes,
        "automations_run": one.automations,
    }


def _field_value(account: Account, number: str, value: str) -> str | list[str]:
    """One value, or several written as `||a||b||`."""
    known = account.fields.get(int(number))
    if known and known.type in MULTIPLE:
        return [each for each in value.split("||") if each]
    return value


def statistics(account: Account) -> dict[str, Any]:
    """What an account was asked, what it refused and what it holds."""
    contacts, imports = account.contacts, account.imports
    return {
        "account": account.number,
        "host": account.host,
        "requests": dict(account.requests),
        "exceeded": dict(account.exceeded),
        "imports": len(imports.batches),
        "imports_waiting": imports.waiting,
        "contacts_received": contacts.received,
        "extra_writes": contacts.repeated,
        "contacts_failed": contacts.failed.total(),
        "contacts": len(contacts),
        "automations_run": contacts.automations,
        "callbacks": dict(account.delivered),
        "callbacks_waiting": len(account.reports),
        "connections": account.connections,
        "peak_connections": account.peak_connections,
    }


def on_lists(account: Account) -> Counter[tuple[int, int]]:
    """How many contacts each list has in each status."""
    return Counter(place for one in account.contacts.after(0) for place in one.lists)
