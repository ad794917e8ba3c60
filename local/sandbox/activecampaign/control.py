"""/sandbox: look at what arrived and change the settings. No part of ActiveCampaign, and open to anybody."""

from collections.abc import AsyncIterator
from itertools import batched
from typing import Any, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from local.sandbox.activecampaign import pages
from local.sandbox.activecampaign.answers import inspected, statistics
from local.sandbox.activecampaign.contacts import BOUNCED, STATUSES
from local.sandbox.activecampaign.settings import Ending, Settings
from local.sandbox.activecampaign.state import Account, CustomField, Exclusion, Sandbox
from local.sandbox.faults import Fault

_LINES_PER_CHUNK = 2000


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Seed(_Strict):
    """A contact to be there already, on lists by id; `bounced` and `excluded` hold for all lists."""

    email: str
    status: Literal["active", "unsubscribed", "unconfirmed", "bounced", "excluded"] = "active"
    lists: tuple[int, ...] = (1,)
    first_name: str = ""
    last_name: str = ""
    phone: str = ""
    fields: dict[str, str] = {}
    tags: tuple[str, ...] = ()


class NewList(_Strict):
    """A list to add."""

    name: str


class NewField(_Strict):
    """A custom field to add; the types of the reference, and three of the product's pages."""

    title: str
    type: Literal[
        "text",
        "textarea",
        "date",
        "datetime",
        "dropdown",
        "radio",
        "checkbox",
        "listbox",
        "hidden",
        "multiselect",
        "number",
        "currency",
        "",
    ] = "text"
    options: tuple[str, ...] = ()
    required: bool = False


class NewExclusion(_Strict):
    """An address to exclude, or with `end` what addresses end with, such as @example.com."""

    phrase: str
    type: Literal["exact", "end"] = "exact"


class Endings(_Strict):
    """How the next imports end."""

    ending: Ending
    count: int = Field(1, ge=1)


class Latency(_Strict):
    """How long calls take, in the sandbox's seconds; of one account or of all."""

    seconds: float = Field(ge=0)
    account: int | None = None


class Faulty(_Strict):
    """One fault or several."""

    faults: list[Fault]

    @model_validator(mode="before")
    @classmethod
    def _one_or_more(cls, given: Any) -> Any:
        return {"faults": given if isinstance(given, list) else [given]}

    @model_validator(mode="after")
    def _unfired(self) -> Self:
        if any(fault.fired for fault in self.faults):
            raise ValueError("fired is not to be given")
        return self


async def _read[T](request: Request, kind: type[T]) -> T:
    """The body as `kind`. Raises HTTPException (422)."""
    try:
        return TypeAdapter(kind).validate_json(await request.body())
    except ValidationError as error:
        raise HTTPException(422, str(error)) from None


class Control:
    """The routes under /sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[Route]:
        """To be mounted at the root."""
        account = "/sandbox/accounts/{account:int}"
        return [
            Route("/sandbox", self.overview),
            Route("/sandbox/stats", self.stats),
            Route("/sandbox/reset-stats", self.reset_stats, methods=["POST"]),
            Route("/sandbox/faults", self.faults),
            Route("/sandbox/faults", self.queue_faults, methods=["POST"]),
            Route("/sandbox/faults", self.clear_faults, methods=["DELETE"]),
            Route("/sandbox/latency", self.latency, methods=["POST"]),
            Route(f"{account}/knobs", self.settings),
            Route(f"{account}/knobs", self.turn, methods=["PATCH"]),
            Route(f"{account}/new-key", self.new_key, methods=["POST"]),
            Route(f"{account}/lists", self.add_list, methods=["POST"]),
            Route(f"{account}/lists/{{number:int}}", self.remove_list, methods=["DELETE"]),
            Route(f"{account}/fields", self.add_field, methods=["POST"]),
            Route(f"{account}/fields/{{number:int}}", self.remove_field, methods=["DELETE"]),
            Route(f"{account}/exclusions", self.exclude, methods=["POST"]),
            Route(f"{account}/endings", self.end, methods=["POST"]),
            Route(f"{account}/contacts.ndjson", self.dump),
            Route(f"{account}/contacts", self.seed, methods=["POST"]),
            Route(f"{account}/contacts", self.empty, methods=["DELETE"]),
        ]

    async def overview(self, _: Request) -> Response:
        """A page for people."""
        self._sandbox.settle()
        return pages.overview(self._sandbox)

    async def stats(self, _: Request) -> Response:
        """What each account has asked for since the last reset."""
        self._sandbox.settle()
        return JSONResponse(
            {"accounts": [statistics(one) for one in self._sandbox.accounts.values()]}
        )

    async def reset_stats(self, _: Request) -> Response:
        """Start counting anew; contacts stay."""
        self._sandbox.settle()
        for account in self._sandbox.accounts.values():
            account.forget_counts()
        return Response(status_code=204)

    async def faults(self, _: Request) -> Response:
        """The queue, with how often each has happened."""
        return JSONResponse([fault.model_dump() for fault in self._sandbox.faults.queued])

    async def queue_faults(self, request: Request) -> Response:
        """Add one fault or a list of them."""
        self._sandbox.faults.queued += (await _read(request, Faulty)).faults
        return Response(status_code=204)

    async def clear_faults(self, _: Request) -> Response:
        """No more faults."""
        self._sandbox.faults.queued.clear()
        return Response(status_code=204)

    async def latency(self, request: Request) -> Response:
        """Set how long calls take."""
        given = await _read(request, Latency)
        if given.account is None:
            self._sandbox.latency = given.seconds
        else:
            self._numbered(given.account).latency = given.seconds
        return Response(status_code=204)

    async def settings(self, request: Request) -> Response:
        """The account's settings as they are."""
        return JSONResponse(self._account(request).settings.model_dump())

    async def turn(self, request: Request) -> Response:
        """Change some settings of an account, from now on; imports keep the speed they began with."""
        account = self._account(request)
        changes = await _read(request, dict[str, Any])
        try:
            account.settings = Settings.model_validate(account.settings.model_dump() | changes)
        except ValidationError as error:
            raise HTTPException(422, str(error)) from None
        return JSONResponse(account.settings.model_dump())

    async def new_key(self, request: Request) -> Response:
        """Replace an account's key; answers the new one."""
        account = self._account(request)
        self._sandbox.keys.replace(account)
        return JSONResponse({"api_key": account.api_key})

    async def add_list(self, request: Request) -> Response:
        """Add a list; answers its id."""
        lists = self._account(request).lists
        number = 1 + max(lists, default=0)
        lists[number] = (await _read(request, NewList)).name
        return JSONResponse({"id": number}, 201)

    async def remove_list(self, request: Request) -> Response:
        """Delete a list, as its owner might."""
        return _removed(self._account(request).lists, request)

    async def add_field(self, request: Request) -> Response:
        """Add a custom field; answers its id."""
        fields = self._account(request).fields
        given = await _read(request, NewField)
        number = 1 + max(fields, default=0)
        fields[number] = CustomField(number, **given.model_dump())
        return JSONResponse({"id": number}, 201)

    async def remove_field(self, request: Request) -> Response:
        """Delete a custom field."""
        return _removed(self._account(request).fields, request)

    async def exclude(self, request: Request) -> Response:
        """Put an address, or the end of some, on the account's exclusion list."""
        given = await _read(request, NewExclusion)
        self._account(request).exclusions.append(Exclusion(**given.model_dump()))
        return Response(status_code=204)

    async def end(self, request: Request) -> Response:
        """Let the next imports end in another way."""
        given = await _read(request, Endings)
        self._account(request).imports.endings.extend([given.ending] * given.count)
        return Response(status_code=204)

    async def dump(self, request: Request) -> Response:
        """Every contact, a JSON object a line."""
        lines = _lines(self._account(request))
        return StreamingResponse(lines, media_type="application/x-ndjson")

    async def seed(self, request: Request) -> Response:
        """Put contacts there without the API."""
        account = self._account(request)
        now = self._sandbox.clock.now()
        for seed in await _read(request, list[Seed]):
            _plant(account, seed, now)
        return Response(status_code=204)

    async def empty(self, request: Request) -> Response:
        """Remove every contact."""
        self._account(request).contacts.clear()
        return Response(status_code=204)

    def _numbered(self, number: int) -> Account:
        account = self._sandbox.accounts.get(number)
        if account is None:
            raise HTTPException(404)
        account.settle(self._sandbox.clock.now())
        return account

    def _account(self, request: Request) -> Account:
        return self._numbered(request.path_params["account"])


def _removed(things: dict[int, Any], request: Request) -> Response:
    if things.pop(request.path_params["number"], None) is None:
        raise HTTPException(404)
    return Response(status_code=204)


def _plant(account: Account, seed: Seed, now: float) -> None:
    values: dict[str, Any] = seed.model_dump(include={"first_name", "last_name", "phone", "fields"})
    contact = account.contacts.put(seed.email, values, now)
    contact.bounced = seed.status == "bounced"
    status = BOUNCED if contact.bounced else STATUSES.get(seed.status, STATUSES["active"])
    contact.lists = tuple((number, status) for number in seed.lists)
    contact.tags = seed.tags
    if seed.status == "excluded":
        account.exclusions.append(Exclusion(seed.email))


async def _lines(account: Account) -> AsyncIterator[bytes]:
    contacts = list(account.contacts.after(0))
    for some in batched(contacts, _LINES_PER_CHUNK, strict=False):
        yield b"".join(
            orjson.dumps(inspected(account, one), option=orjson.OPT_APPEND_NEWLINE) for one in some
        )
