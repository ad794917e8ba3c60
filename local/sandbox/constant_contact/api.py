"""Answers the calls of API v3, once the gate has let them in."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local.sandbox.constant_contact.problems import (
    FORBIDDEN,
    FULL,
    ProblemError,
    invalid,
    not_found,
)
from local.sandbox.constant_contact.state import Account, ContactList, CustomField, Sandbox
from local.sandbox.kit import api as kit
from local.sandbox.kit.api import Operation, account_of, natural

_STATES = ("processing", "completed", "cancelled", "failed", "timed_out")
_MOST_LISTS = 50  # of one import
_EPOCH = "2026-01-01T00:00:00.000Z"


def create_api(sandbox: Sandbox) -> Starlette:
    """The API as an application that expects `scope["account"]`."""
    api = _Api(sandbox)
    operations: list[Operation] = [
        ("GET", "/v3/account/summary", api.summary),
        ("GET", "/v3/account/user/privileges", api.privileges),
        ("GET", "/v3/contact_lists", api.lists),
        ("GET", "/v3/contact_lists/{list_id}", api.list),
        ("GET", "/v3/contact_custom_fields", api.fields),
        ("POST", "/v3/activities/contacts_json_import", api.json_import),
        ("GET", "/v3/activities", api.activities),
        ("GET", "/v3/activities/{activity_id}", api.activity),
        ("GET", "/v3/contacts", api.contacts),
    ]
    not_allowed = ProblemError(405, "contacts.api.method_not_allowed", "Method not allowed.")
    return kit.create_api(operations, unknown=not_found(), not_allowed=not_allowed)


def _account(request: Request, privilege: str | None = None) -> Account:
    account = account_of(request, Account)
    if privilege and privilege not in account.privileges:
        raise FORBIDDEN
    return account


def _page[T](request: Request, items: Sequence[T], most: int) -> tuple[Sequence[T], dict[str, Any]]:
    """Return a page of the items and the links that stand beside it."""
    limit, at = natural(request, "limit", 50), natural(request, "cursor", 0)
    if limit is None or not 1 <= limit <= most or at is None:
        raise invalid(f"limit must be between 1 and {most}.")
    end = at + limit
    if end >= len(items):
        return items[at:], {}
    query = urlencode({**request.query_params, "cursor": str(end)})
    return items[at:end], {"next": {"href": f"{request.url.path}?{query}"}}


class _Api:
    """The operations, each a request to a response."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def summary(self, request: Request) -> Response:
        account = _account(request, "account:read")
        return JSONResponse(
            {
                "contact_email": account.email,
                "country_code": "US",
                "encoded_account_id": account.encoded_id,
                "first_name": "Sandbox",
                "last_name": f"Owner {account.number}",
                "organization_name": account.name,
                "time_zone_id": "US/Eastern",
            }
        )

    async def privileges(self, request: Request) -> Response:
        names = sorted(_account(request).privileges)
        shown = [
            {"privilege_id": number, "privilege_name": name} for number, name in enumerate(names, 1)
        ]
        return JSONResponse(shown)

    async def lists(self, request: Request) -> Response:
        wanted = request.query_params.get("status", "active")
        name = request.query_params.get("name")
        lists = [
            each
            for each in _account(request, "contacts:lists:read").lists.values()
            if (wanted == "all" or (each.deleted is None) == (wanted == "active"))
            and (name is None or each.name == name)
        ]
        page, links = _page(request, lists, 1000)
        body: dict[str, Any] = {"lists": [_list(each) for each in page]}
        if links:
            body["_links"] = links
        if request.query_params.get("include_count") == "true":
            body["lists_count"] = len(lists)
        return JSONResponse(body)

    async def list(self, request: Request) -> Response:
        lists = _account(request, "contacts:lists:read").lists
        found = lists.get(request.path_params["list_id"])
        if found is None:
            raise not_found()
        return JSONResponse(_list(found))

    async def fields(self, request: Request) -> Response:
        page, links = _page(request, list(_account(request).fields.values()), 100)
        body = {"custom_fields": [_field(each) for each in page], "_links": links}
        return JSONResponse(body)

    async def json_import(self, request: Request) -> Response:
        account, settings = _account(request, "contacts:write"), self._sandbox.settings
        now = self._sandbox.clock.now()
        account.settle(now)
        if account.activities.waiting(now) >= settings.queued_activities:
            self._sandbox.exceeded["queued_activities"] += 1
            raise FULL
        body = await request.body()
        items, lists = _import(body)
        unknown = [each for each in lists if each not in account.lists]
        if unknown or any(account.lists[each].deleted for each in lists):
            raise invalid("list_ids names a list that does not exist.")
        kept = min(_that_fit(body, items, settings.bytes_per_import), settings.contacts_per_import)
        self._sandbox.truncated += len(items) - kept
        activity = account.activities.add(body, kept, lists, settings, now)
        return JSONResponse(activity.as_json(now, "none"), 201)

    async def activities(self, request: Request) -> Response:
        account, now = _account(request), self._sandbox.clock.now()
        account.settle(now)
        state = request.query_params.get("state")
        if state is not None and state not in _STATES:
            raise invalid(f"state must be one of {', '.join(_STATES)}.")
        page, links = _page(request, account.activities.told(now, state), 500)
        shown = [each.as_json(now, self._sandbox.settings.messages) for each in page]
        return JSONResponse({"activities": shown, "_links": links})

    async def activity(self, request: Request) -> Response:
        account, now = _account(request), self._sandbox.clock.now()
        account.settle(now)
        for each in account.activities.told(now, None):
            if each.id == request.path_params["activity_id"]:
                return JSONResponse(each.as_json(now, self._sandbox.settings.messages))
        raise not_found()

    async def contacts(self, request: Request) -> Response:
        account = _account(request, "contacts:read")
        account.settle(self._sandbox.clock.now())
        address = request.query_params.get("email", "").strip().lower()
        contact = account.contacts.people.get(address)
        shown = (
            [] if contact is None else [{**orjson.loads(contact.fields), "email_address": address}]
        )
        return JSONResponse({"contacts": shown})


def _import(body: bytes) -> tuple[list[dict[str, Any]], list[str]]:
    """The contacts and the lists of an import that fits the schema. Raises ProblemError."""
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise invalid("The body is no JSON.") from None
    if not isinstance(given, dict):
        raise invalid("The body must be an object.")
    items, lists = given.get("import_data"), given.get("list_ids")
    if not isinstance(items, list) or not items or not all(isinstance(one, dict) for one in items):
        raise invalid("import_data must be an array of contacts.")
    if not isinstance(lists, list) or not 1 <= len(lists) <= _MOST_LISTS:
        raise invalid(f"list_ids must have 1 to {_MOST_LISTS} entries.")
    return items, [str(each) for each in lists]


def _that_fit(body: bytes, items: Sequence[dict[str, Any]], most: int) -> int:
    """Return how many of the contacts lie within the first bytes of a body that may be so long."""
    if len(body) <= most:
        return len(items)
    # Our guess: a contact that is cut through is lost as a whole.
    left = most - (len(body) - sum(len(orjson.dumps(one)) + 1 for one in items))
    for at, item in enumerate(items):
        left -= len(orjson.dumps(item)) + 1
        if left < 0:
            return at
    return len(items)


def _list(each: ContactList) -> dict[str, Any]:
    return {
        "list_id": each.id,
        "name": each.name,
        "description": "",
        "favorite": False,
        "created_at": _EPOCH,
        "updated_at": _EPOCH,
        "deleted_at": _EPOCH if each.deleted is not None else None,
    }


def _field(each: CustomField) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "custom_field_id": each.id,
        "label": each.label,
        "name": each.name,
        "type": each.type,
        "created_at": _EPOCH,
        "updated_at": _EPOCH,
    }
    if each.choices:
        shown["choices"] = [
            {"choice_id": number, "choice_label": label, "display_order": number}
            for number, label in enumerate(each.choices, 1)
        ]
    return shown
