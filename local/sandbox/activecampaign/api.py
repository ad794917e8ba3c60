"""Answers the calls of the API under /api/3, once the gate has let them in."""

from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from local.sandbox.activecampaign import answers
from local.sandbox.activecampaign.imports import Order
from local.sandbox.activecampaign.problems import (
    bad_request,
    import_refused,
    json_answer,
    no_endpoint,
    no_lists,
    not_found,
    too_many_imports,
)
from local.sandbox.activecampaign.rules import NOT_VALID, callback_reason, failure_reasons
from local.sandbox.activecampaign.state import Account, Sandbox
from local.sandbox.kit import api as kit
from local.sandbox.kit.api import Operation, account_of, natural

MAXIMUM_PAGE = 100
DEFAULT_PAGE = 20
DEFAULT_PAGE_OF_FIELDS = 100


def create_api(sandbox: Sandbox) -> Starlette:
    """The API as an application that expects `scope["account"]`."""
    api = _Api(sandbox)
    operations: list[Operation] = [
        ("GET", "/api/3/users/me", api.user),
        ("GET", "/api/3/lists", api.lists),
        ("GET", "/api/3/lists/{number}", api.list),
        ("GET", "/api/3/fields", api.fields),
        ("POST", "/api/3/import/bulk_import", api.bulk_import),
        ("GET", "/api/3/import/bulk_import", api.import_summary),
        ("GET", "/api/3/import/info", api.import_info),
        ("GET", "/api/3/contacts", api.contacts),
        ("GET", "/api/3/contacts/{number}/contactLists", api.memberships),
    ]
    return kit.create_api(operations, unknown=no_endpoint())


def _page(request: Request, default: int = DEFAULT_PAGE) -> slice:
    """What `limit` and `offset` ask for; that a limit above 100 means 100 is our guess."""
    limit, offset = natural(request, "limit", default), natural(request, "offset", 0)
    if limit is None or offset is None:
        raise bad_request()
    return slice(offset, offset + min(limit, MAXIMUM_PAGE))


class _Api:
    """The operations, each a request to a response."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._clock = sandbox.clock

    def _settled(self, request: Request) -> tuple[Account, float]:
        """The account, with everything done that is to be done by now, and what time that is."""
        account, now = account_of(request, Account), self._clock.now()
        account.settle(now)
        return account, now

    async def user(self, request: Request) -> Response:
        return json_answer({"user": answers.user(account_of(request, Account))})

    async def lists(self, request: Request) -> Response:
        account = account_of(request, Account)
        if not account.settings.may_view_lists:
            raise no_lists()
        # That the filter looks for the name itself, and not for a part of it, is our guess.
        name = request.query_params.get("filters[name]")
        found = [number for number, text in account.lists.items() if name in (None, text)]
        if "orders[name]" in request.query_params:
            down = request.query_params["orders[name]"].lower() == "desc"
            found.sort(key=account.lists.__getitem__, reverse=down)
        shown = [answers.contact_list(account, number) for number in found[_page(request)]]
        return json_answer({"lists": shown, "meta": {"total": str(len(found))}})

    async def list(self, request: Request) -> Response:
        account = account_of(request, Account)
        if not account.settings.may_view_lists:
            raise no_lists()
        number = request.path_params["number"]
        if not number.isdecimal() or int(number) not in account.lists:
            raise not_found("_List", number)
        return json_answer({"list": answers.contact_list(account, int(number))})

    async def fields(self, request: Request) -> Response:
        account = account_of(request, Account)
        tag = request.query_params.get("filters[perstag]")
        found = [one for one in account.fields.values() if tag in (None, one.tag)]
        shown = found[_page(request, DEFAULT_PAGE_OF_FIELDS)]
        return json_answer(answers.fields(account, shown, len(found)))

    async def bulk_import(self, request: Request) -> Response:
        content = await request.body()
        account, now = self._settled(request)
        body = _checked(account, content)
        _check_rate(account, len(body["contacts"]), now)
        _check_contacts(account, body)
        excluded = [one["email"] for one in body["contacts"] if account.excludes(one["email"])]
        order = Order.of(body, excluded)
        answer = {
            "Success": 1,
            "queued_contacts": len(order.contacts),
            "batchId": account.accept(order, now),
            "message": "Contact import queued",
        }
        return json_answer(answer)

    async def import_summary(self, request: Request) -> Response:
        account, now = self._settled(request)
        return json_answer(account.imports.summary(now))

    async def import_info(self, request: Request) -> Response:
        account, now = self._settled(request)
        batch_id = request.query_params.get("batchId")
        if not batch_id:
            raise import_refused("'batchId' is a required field.")
        batch = account.imports.batches.get(batch_id)
        # Our guesses: an unknown batch is like one that was created just now, and before its end
        # a batch has neither successes nor failures.
        status = batch.status(now) if batch else False
        body: dict[str, Any] = {"status": status, "success": [], "failure": []}
        if batch and status == batch.ending:
            body["success"] = [str(number) for number in batch.success]
            body["failure"] = [email for email, _ in batch.failures]
        return json_answer(body)

    async def contacts(self, request: Request) -> Response:
        (account, _), query = self._settled(request), request.query_params
        greater = natural(request, "id_greater", 0)
        if greater is None:
            raise bad_request()
        if "email" in query:
            known = account.contacts.find(query["email"])
            found = [known] if known else []
        else:
            found = list(account.contacts.after(greater))
        if "listid" in query:
            found = [one for one in found if query["listid"] in map(str, dict(one.lists))]
        shown = [answers.contact(account, one) for one in found[_page(request)]]
        meta = {"total": str(len(found))}
        return json_answer({"scoreValues": [], "contacts": shown, "meta": meta})

    async def memberships(self, request: Request) -> Response:
        number = request.path_params["number"]
        contacts = self._settled(request)[0].contacts
        contact = contacts.numbered(int(number)) if number.isdecimal() else None
        if contact is None:
            raise not_found("Subscriber", number)
        return json_answer({"contactLists": answers.memberships(contact)})


def _checked(account: Account, content: bytes) -> dict[str, Any]:
    """The body of an import of a permitted size. Raises ProblemError; its words are our guesses."""
    settings = account.settings
    if len(content) > settings.bytes_per_import:
        account.exceeded["bytes_per_import"] += 1
        reason = f"Requests may be of up to {settings.bytes_per_import} bytes."
        raise import_refused(NOT_VALID, [reason])
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise import_refused("Request body is not valid JSON.") from None
    contacts = body.get("contacts") if isinstance(body, dict) else None
    if not isinstance(contacts, list) or not contacts:
        raise import_refused(NOT_VALID, ["Field 'contacts' is required"])
    if len(contacts) > settings.contacts_per_import:
        account.exceeded["contacts_per_import"] += 1
        reason = f"Up to {settings.contacts_per_import} contacts may be included in a request."
        raise import_refused(NOT_VALID, [reason])
    checked: dict[str, Any] = body
    return checked


def _check_rate(account: Account, size: int, now: float) -> None:
    """Count an import. Raises ProblemError.

    Our guesses: those of one contact count for both limits, those that are not valid count too, and
    those of an unreadable body do not.
    """
    settings = account.settings
    single = size == 1
    limits = [("imports_per_minute", account.minute, settings.imports_per_minute)]
    if single:
        limits.append(
            ("single_imports_per_minute", account.singles, settings.single_imports_per_minute)
        )
    for name, window, limit in limits:
        if not window.left(limit, now):
            account.exceeded[name] += 1
            raise too_many_imports(limit)
    for _, window, _ in limits:
        window.take(now)


def _check_contacts(account: Account, body: dict[str, Any]) -> None:
    reasons: list[Any] = [
        {"contact": index + account.settings.index_base, "failureReason": reason}
        for index, reason in failure_reasons(body["contacts"])
    ]
    if "callback" in body and (reason := callback_reason(body["callback"])):
        reasons.append(reason)
    if reasons:
        raise import_refused(NOT_VALID, reasons)
