"""Answers the calls of the Marketing API under /3.0, once the gate has let them in."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from local.sandbox.kit import api as kit
from local.sandbox.kit.api import Operation, account_of, natural
from local.sandbox.mailchimp import answers
from local.sandbox.mailchimp.answers import MemberAnswers, asks_little, select
from local.sandbox.mailchimp.audience import WRITABLE, Audience, Options
from local.sandbox.mailchimp.fields import RefusedError
from local.sandbox.mailchimp.problems import ProblemError, invalid, not_found
from local.sandbox.mailchimp.state import Account, Sandbox

MAXIMUM_MEMBERS = 500
MAXIMUM_PAGE = 1000


def create_api(sandbox: Sandbox) -> Starlette:
    """The API as an application that expects `scope["account"]`."""
    api = _Api(sandbox)
    operations: list[Operation] = [
        ("GET", "/3.0/", api.root),
        ("GET", "/3.0/ping", api.ping),
        ("GET", "/3.0/lists", api.lists),
        ("GET", "/3.0/lists/{list_id}", api.list),
        ("POST", "/3.0/lists/{list_id}", api.write_members),
        ("GET", "/3.0/lists/{list_id}/merge-fields", api.merge_fields),
        ("GET", "/3.0/lists/{list_id}/members/{member}", api.member),
        ("PUT", "/3.0/lists/{list_id}/members/{member}", api.put_member),
        ("DELETE", "/3.0/lists/{list_id}/members/{member}", api.archive_member),
    ]
    detail = "The requested method and resource are not compatible."
    not_allowed = ProblemError(405, "Method Not Allowed", detail)
    return kit.create_api(operations, unknown=not_found(), not_allowed=not_allowed)


def _audience(request: Request) -> Audience:
    try:
        return account_of(request, Account).audiences[request.path_params["list_id"]]
    except KeyError:
        raise not_found() from None


def _json(request: Request, body: Any) -> Response:
    content = orjson.dumps(select(body, request.query_params))
    return Response(content, media_type="application/json; charset=utf-8")


def _page(request: Request) -> slice:
    bounds = {"count": (10, MAXIMUM_PAGE), "offset": (0, None)}
    values = {}
    for name, (default, maximum) in bounds.items():
        value = natural(request, name, default)
        if value is None or (maximum is not None and value > maximum):
            raise invalid((name, f"Must be a number from 0 to {maximum or 'any'}"))
        values[name] = value
    return slice(values["offset"], values["offset"] + values["count"])


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        raise ProblemError(
            400,
            "JSON Parse Error",
            "We encountered an unspecified JSON parsing error. This error is likely to be caused "
            "by malformed JSON.",
        ) from None
    if not isinstance(body, dict):
        raise invalid(("", "Schema describes object, something else found instead"))
    return body


def _flag(values: Mapping[str, Any], name: str) -> bool:
    return str(values.get(name, "")).lower() in ("true", "1")


def _checked_members(members: Any) -> list[dict[str, Any]]:
    """The members of a bulk write that fits the schema. Raises ProblemError."""
    if not isinstance(members, list):
        raise invalid(("members", "Required fields were not provided: members"))
    if len(members) > MAXIMUM_MEMBERS:
        raise invalid(("members", f"Array must have at most {MAXIMUM_MEMBERS} items"))
    for index, member in enumerate(members):
        if not isinstance(member, dict):
            raise invalid((f"members.item:{index}", "Schema describes object"))
        _check_member(member, f"members.item:{index}.")
    return members


def _check_member(member: Mapping[str, Any], prefix: str = "") -> None:
    for name in ("status", "status_if_new"):
        if member.get(name, "subscribed") not in WRITABLE:
            allowed = ", ".join(WRITABLE)
            raise invalid((prefix + name, f"Value must be one of: {allowed}"))
    for name, kind in (("merge_fields", dict), ("tags", list)):
        if not isinstance(member.get(name, kind()), kind):
            raise invalid((prefix + name, f"Schema describes {kind.__name__}"))


class _Api:
    """The operations, each a request to a response."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def ping(self, request: Request) -> Response:
        return _json(request, {"health_status": "Everything's Chimpy!"})

    async def root(self, request: Request) -> Response:
        return _json(request, answers.account_root(account_of(request, Account)))

    async def lists(self, request: Request) -> Response:
        audiences = list(account_of(request, Account).audiences.values())
        shown = [answers.audience(audience) for audience in audiences[_page(request)]]
        return _json(request, {"lists": shown, "total_items": len(audiences), "_links": []})

    async def list(self, request: Request) -> Response:
        return _json(request, answers.audience(_audience(request)))

    async def merge_fields(self, request: Request) -> Response:
        audience = _audience(request)
        fields = [
            answers.merge_field(field, order, audience.id)
            for order, field in enumerate(audience.merge_fields.values(), 2)
        ]
        body = {
            "merge_fields": fields[_page(request)],
            "list_id": audience.id,
            "total_items": len(fields),
            "_links": [],
        }
        return _json(request, body)

    async def write_members(self, request: Request) -> Response:
        audience = _audience(request)
        body = await _body(request)
        members = _checked_members(body.get("members"))
        account_of(request, Account).bulk_calls += 1
        if _flag(request.query_params, "skip_duplicate_check"):
            # Our guess for the other case: duplicates are written one after the other.
            members = _first_of_each(members)
        return _json(request, self._written(request, audience, members, body))

    def _written(
        self,
        request: Request,
        audience: Audience,
        members: Iterable[dict[str, Any]],
        body: Mapping[str, Any],
    ) -> dict[str, Any]:
        options = Options(
            update_existing=_flag(body, "update_existing"),
            sync_tags=_flag(body, "sync_tags"),
            skip_merge_validation=_flag(request.query_params, "skip_merge_validation"),
        )
        lean = self._sandbox.lean_answers or asks_little(request.query_params)
        shown = MemberAnswers(account_of(request, Account), audience, lean=lean)
        now = self._sandbox.clock.now()
        new: list[dict[str, Any]] = []
        updated: list[dict[str, Any]] = []
        errors = []
        for member in members:
            try:
                digest, written, created = audience.write(member, options, now)
            except RefusedError as refused:
                errors.append(_member_error(member, refused))
            else:
                (new if created else updated).append(shown.one(digest, written))
        return {
            "new_members": new,
            "updated_members": updated,
            "errors": errors,
            "total_created": len(new),
            "total_updated": len(updated),
            "error_count": len(errors),
            "_links": [],
        }

    async def member(self, request: Request) -> Response:
        audience = _audience(request)
        found = audience.find(request.path_params["member"])
        if found is None:
            raise not_found()
        shown = MemberAnswers(
            account_of(request, Account), audience, lean=self._sandbox.lean_answers
        )
        return _json(request, shown.one(*found))

    async def put_member(self, request: Request) -> Response:
        audience = _audience(request)
        body = await _body(request)
        _check_member(body)
        found = audience.find(request.path_params["member"])
        if found is None and not body.get("email_address"):
            raise invalid(("email_address", "This value should not be blank."))
        body = {"email_address": found[1].email if found else None, **body}
        options = Options(
            update_existing=True,
            skip_merge_validation=_flag(request.query_params, "skip_merge_validation"),
        )
        try:
            digest, member, _ = audience.write(body, options, self._sandbox.clock.now())
        except RefusedError as refused:
            errors = [(refused.field, refused.field_message)] if refused.field else []
            raise ProblemError(400, refused.title, refused.text, errors) from None
        shown = MemberAnswers(
            account_of(request, Account), audience, lean=self._sandbox.lean_answers
        )
        return _json(request, shown.one(digest, member))

    async def archive_member(self, request: Request) -> Response:
        found = _audience(request).find(request.path_params["member"])
        if found is None:
            raise not_found()
        if found[1].status in ("archived", "cleaned", "pending"):
            raise ProblemError(
                405,
                "Method Not Allowed",
                "This list member cannot be removed. Can not archive a contact that is bounced, "
                "pending or archived",
            )
        found[1].status = "archived"
        return Response(status_code=204)


def _first_of_each(members: list[dict[str, Any]]) -> list[dict[str, Any]]:
    first: dict[str, dict[str, Any]] = {}
    for member in members:
        first.setdefault(str(member.get("email_address")).strip().lower(), member)
    return list(first.values())


def _member_error(member: Mapping[str, Any], refused: RefusedError) -> dict[str, Any]:
    return {
        "email_address": member.get("email_address", ""),
        "error": refused.text,
        "error_code": refused.code,
        "field": refused.field,
        "field_message": refused.field_message,
    }
