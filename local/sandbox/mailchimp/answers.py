"""Makes the JSON that the API answers with, in the shapes and about the sizes of the real thing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from local.sandbox.mailchimp.audience import Audience, Member
from local.sandbox.mailchimp.fields import MergeField
from local.sandbox.mailchimp.state import Account

_SCHEMA = "https://us1.api.mailchimp.com/schema/3.0/Definitions/Lists/"
_LINKS = (
    ("self", "GET", "", "Members/Response.json", None),
    ("parent", "GET", None, "Members/CollectionResponse.json", "Paths/Lists/Members/Collection"),
    ("update", "PATCH", "", "Members/Response.json", "Members/PATCH.json"),
    ("upsert", "PUT", "", "Members/Response.json", "Members/PUT.json"),
    ("delete", "DELETE", "", None, None),
    ("activity", "GET", "/activity", "Members/Activity/Response.json", None),
    ("goals", "GET", "/goals", "Members/Goals/Response.json", None),
    ("notes", "GET", "/notes", "Members/Notes/CollectionResponse.json", None),
    ("events", "POST", "/events", "Members/Events/POST.json", None),
    ("delete_permanent", "POST", "/actions/delete-permanent", None, None),
)


def _link_template() -> bytes:
    links = []
    for rel, method, path, target, schema in _LINKS:
        href = "https://DC.api.mailchimp.com/3.0/lists/LIST/members"
        link = {"rel": rel, "href": href if path is None else f"{href}/HASH{path}"}
        link["method"] = method
        if target:
            link["targetSchema"] = _SCHEMA + target
        if schema:
            link["schema"] = _SCHEMA + schema
        links.append(link)
    return orjson.dumps(links)


_MEMBER_LINKS = _link_template()

_LEAN = ("id", "email_address", "status")


def timestamp(seconds: float) -> str:
    """ISO 8601 with an offset, as in all answers."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


class MemberAnswers:
    """Members of one audience; what is the same for all of them is made once."""

    def __init__(self, account: Account, audience: Audience, *, lean: bool) -> None:
        self._audience, self._lean = audience, lean
        self._links = _MEMBER_LINKS.replace(b"DC", account.datacenter.encode()).replace(
            b"LIST", audience.id.encode()
        )
        self._empty_fields = dict.fromkeys(audience.merge_fields, "")

    def one(self, digest: bytes, member: Member) -> dict[str, Any]:
        """A member object of some 3 kB, or of three properties when answers are lean."""
        name = digest.hex()
        status = member.shown_status
        if self._lean:
            return {"id": name, "email_address": member.email, "status": status}
        changed = timestamp(member.changed)
        fields = {**self._empty_fields, **orjson.loads(member.merge_fields)}
        return {
            "id": name,
            "email_address": member.email,
            "unique_email_id": name[:10],
            "contact_id": name[::-1],
            "full_name": f"{fields.get('FNAME', '')} {fields.get('LNAME', '')}".strip(),
            "web_id": int.from_bytes(digest[:4]),
            "email_type": "html",
            "status": status,
            "consents_to_one_to_one_messaging": True,
            "sms_phone_number": "",
            "sms_subscription_status": "",
            "sms_subscription_last_updated": "",
            "merge_fields": fields,
            "interests": {},
            "stats": {"avg_open_rate": 0, "avg_click_rate": 0},
            "ip_signup": "",
            "timestamp_signup": "",
            "ip_opt": "127.0.0.1",
            "timestamp_opt": changed,
            "member_rating": 2,
            "last_changed": changed,
            "language": "",
            "vip": False,
            "email_client": "",
            "location": {
                "latitude": 0,
                "longitude": 0,
                "gmtoff": 0,
                "dstoff": 0,
                "country_code": "",
                "timezone": "",
                "region": "",
            },
            "source": "API - Generic",
            "tags_count": len(member.tags),
            "tags": [{"id": index, "name": tag} for index, tag in enumerate(member.tags, 1)],
            "list_id": self._audience.id,
            "_links": orjson.Fragment(self._links.replace(b"HASH", name.encode())),
        }


def account_root(account: Account) -> dict[str, Any]:
    """The answer of GET /3.0/."""
    return {
        "account_id": f"{account.number:024x}",
        "login_id": str(100_000_000 + account.number),
        "account_name": account.name,
        "email": account.email,
        "first_name": "Sandbox",
        "last_name": "Owner",
        "username": account.email,
        "role": "owner",
        "pricing_plan_type": "monthly",
        "account_timezone": "Etc/UTC",
        "contact": {"company": account.name, "city": "Springfield", "country": "US"},
        "total_subscribers": sum(
            counts_of(audience)["subscribed"] for audience in account.audiences.values()
        ),
        "_links": [],
    }


def counts_of(audience: Audience) -> Counter[str]:
    """How many members have each status."""
    return Counter(member.status for member in audience.members.values())


def audience(one: Audience) -> dict[str, Any]:
    """A list object; unlike the real ones its statistics are never old."""
    counts = counts_of(one)
    return {
        "id": one.id,
        "web_id": int(one.id[:6], 16),
        "name": one.name,
        "contact": {"company": "Sandbox", "city": "Springfield", "country": "US"},
        "permission_reminder": "You signed up on our website.",
        "date_created": "2024-01-01T00:00:00+00:00",
        "list_rating": 0,
        "email_type_option": False,
        "double_optin": one.double_optin,
        "marketing_permissions": False,
        "visibility": "prv",
        "modules": [],
        "stats": {
            "member_count": counts["subscribed"],
            "total_contacts": len(one.members) - counts["archived"] - counts["forgotten"],
            "unsubscribe_count": counts["unsubscribed"] + counts["compliance"],
            "cleaned_count": counts["cleaned"],
            "merge_field_count": len(one.merge_fields),
        },
        "_links": [],
    }


def merge_field(one: MergeField, order: int, audience_id: str) -> dict[str, Any]:
    """A merge field object."""
    return {
        "merge_id": one.merge_id,
        "tag": one.tag,
        "name": one.name,
        "type": one.type,
        "required": one.required,
        "default_value": "",
        "public": True,
        "display_order": order,
        "options": one.options,
        "help_text": "",
        "list_id": audience_id,
        "_links": [],
    }


def asks_little(query: Mapping[str, str]) -> bool:
    """Say whether `fields` asks for nothing of the members but what a lean one has.

    That a bulk write heeds `fields` at all is known from other programs, not from the reference.
    """
    members = ("new_members", "updated_members")
    asked = [path for path in _paths(query.get("fields", "")) if path[0] in members]
    return bool(query.get("fields")) and all(len(path) == 2 and path[1] in _LEAN for path in asked)


def select(value: Any, query: Mapping[str, str]) -> Any:
    """Apply the query parameters `fields` and `exclude_fields` (dots reach into sub-objects)."""
    if query.get("fields"):
        value = _kept(value, _paths(query["fields"]))
    if query.get("exclude_fields"):
        value = _without(value, _paths(query["exclude_fields"]))
    return value


Paths = list[Sequence[str]]


def _paths(names: str) -> Paths:
    return [name.strip().split(".") for name in names.split(",")]


def _below(paths: Paths, key: str) -> Paths:
    return [path[1:] for path in paths if path and path[0] == key]


def _kept(value: Any, paths: Paths) -> Any:
    if [] in paths:
        return value
    if isinstance(value, list):
        return [_kept(item, paths) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _kept(item, below) for key, item in value.items() if (below := _below(paths, key))}


def _without(value: Any, paths: Paths) -> Any:
    if isinstance(value, list):
        return [_without(item, paths) for item in value]
    if not isinstance(value, dict) or not paths:
        return value
    below = {key: _below(paths, key) for key in value}
    return {key: _without(item, below[key]) for key, item in value.items() if [] not in below[key]}
