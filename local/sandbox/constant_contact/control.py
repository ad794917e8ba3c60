"""/sandbox: look at what arrived, change the settings. No part of Constant Contact, open to anybody."""

from collections.abc import AsyncIterator
from itertools import batched
from typing import Any, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from local.sandbox.constant_contact import pages
from local.sandbox.constant_contact.contacts import Contact
from local.sandbox.constant_contact.settings import Ending, Settings
from local.sandbox.constant_contact.state import PRIVILEGES, Account, CustomField, Sandbox
from local.sandbox.faults import Fault

_LINES_PER_CHUNK = 2000


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Seed(_Strict):
    """A contact to be there already, on lists by id."""

    email: str
    status: Literal["active", "unsubscribed"] = "active"
    lists: tuple[str, ...] = ()
    fields: dict[str, str] = {}


class NewList(_Strict):
    """A list to add."""

    name: str


class NewField(_Strict):
    """A custom field to add."""

    name: str
    label: str
    type: str = "string"
    choices: tuple[str, ...] = ()


class Endings(_Strict):
    """How the next imports end."""

    ending: Ending
    count: int = Field(1, ge=1)


class Latency(_Strict):
    """How long calls take, in the sandbox's seconds; of one account or of all."""

    seconds: float = Field(ge=0)
    account: int | None = None


class Access(_Strict):
    """Whether the application may still come in, at any account."""

    revoked: bool


class Rights(_Strict):
    """What the user of an account may do."""

    user: Literal["all", "campaigns only"]


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
            Route("/sandbox/knobs", self.settings),
            Route("/sandbox/knobs", self.turn, methods=["PATCH"]),
            Route("/sandbox/faults", self.faults),
            Route("/sandbox/faults", self.queue_faults, methods=["POST"]),
            Route("/sandbox/faults", self.clear_faults, methods=["DELETE"]),
            Route("/sandbox/latency", self.latency, methods=["POST"]),
            Route("/sandbox/access", self.access, methods=["POST"]),
            Route(f"{account}/expire", self.expire, methods=["POST"]),
            Route(f"{account}/revoke", self.revoke, methods=["POST"]),
            Route(f"{account}/rights", self.rights, methods=["POST"]),
            Route(f"{account}/endings", self.endings, methods=["POST"]),
            Route(f"{account}/lists", self.add_list, methods=["POST"]),
            Route(f"{account}/lists/{{list}}", self.remove_list, methods=["DELETE"]),
            Route(f"{account}/fields", self.add_field, methods=["POST"]),
            Route(f"{account}/contacts.ndjson", self.dump),
            Route(f"{account}/contacts", self.seed, methods=["POST"]),
            Route(f"{account}/contacts", self.empty, methods=["DELETE"]),
        ]

    async def overview(self, _: Request) -> Response:
        """A page for people."""
        return pages.overview(self._sandbox)

    async def stats(self, _: Request) -> Response:
        """What was asked for since the last reset."""
        self._sandbox.settle()
        now = self._sandbox.clock.now()
        return JSONResponse(
            {
                "exceeded": dict(self._sandbox.exceeded),
                "truncated": self._sandbox.truncated,
                "requests_today": self._sandbox.today,
                "tokens_issued": self._sandbox.tokens.issued,
                "accounts": [_stats(one, now) for one in self._sandbox.accounts.values()],
            }
        )

    async def reset_stats(self, _: Request) -> Response:
        """Start counting anew; contacts and the day's requests stay."""
        self._sandbox.exceeded.clear()
        self._sandbox.truncated = 0
        for account in self._sandbox.accounts.values():
            account.forget_counts()
        return Response(status_code=204)

    async def settings(self, _: Request) -> Response:
        """The settings as they are."""
        return JSONResponse(self._sandbox.settings.model_dump())

    async def turn(self, request: Request) -> Response:
        """Change the settings that are given."""
        given = await _read(request, dict[str, Any])
        try:
            self._sandbox.settings = Settings(**{**self._sandbox.settings.model_dump(), **given})
        except ValidationError as error:
            raise HTTPException(422, str(error)) from None
        return JSONResponse(self._sandbox.settings.model_dump())

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

    async def access(self, request: Request) -> Response:
        """Let the application in or not."""
        self._sandbox.revoked = (await _read(request, Access)).revoked
        return Response(status_code=204)

    async def expire(self, request: Request) -> Response:
        """End the access tokens of an account; refresh tokens work."""
        self._sandbox.tokens.expire(self._account(request).number)
        return Response(status_code=204)

    async def revoke(self, request: Request) -> Response:
        """End all tokens of an account."""
        self._sandbox.tokens.revoke(self._account(request).number)
        return Response(status_code=204)

    async def rights(self, request: Request) -> Response:
        """Change what the user of an account may do."""
        user = (await _read(request, Rights)).user
        names = PRIVILEGES["campaign"] + (PRIVILEGES["contacts"] if user == "all" else ())
        self._account(request).privileges = set(names)
        return Response(status_code=204)

    async def endings(self, request: Request) -> Response:
        """Say how the next imports of an account end."""
        given = await _read(request, Endings)
        self._account(request).activities.endings += [given.ending] * given.count
        return Response(status_code=204)

    async def add_list(self, request: Request) -> Response:
        """Add an empty list; answers its id."""
        account = self._account(request)
        new = account.new_list((await _read(request, NewList)).name)
        account.lists[new.id] = new
        return JSONResponse({"id": new.id}, 201)

    async def remove_list(self, request: Request) -> Response:
        """Delete a list, as its owner might; it is still told of."""
        found = self._account(request).lists.get(request.path_params["list"])
        if found is None:
            raise HTTPException(404)
        found.deleted = self._sandbox.clock.now()
        return Response(status_code=204)

    async def add_field(self, request: Request) -> Response:
        """Add a custom field, or put it in the place of the one with its name."""
        given = await _read(request, NewField)
        self._account(request).fields[given.name] = CustomField(**given.model_dump())
        return Response(status_code=204)

    async def dump(self, request: Request) -> Response:
        """Every contact, a JSON object a line."""
        account = self._account(request)
        account.settle(self._sandbox.clock.now())
        return StreamingResponse(_lines(account), media_type="application/x-ndjson")

    async def seed(self, request: Request) -> Response:
        """Put contacts there without the API."""
        people = self._account(request).contacts.people
        for seed in await _read(request, list[Seed]):
            fields = orjson.dumps(seed.fields)
            people[seed.email.lower()] = Contact(seed.status, fields, frozenset(seed.lists))
        return Response(status_code=204)

    async def empty(self, request: Request) -> Response:
        """Remove every contact."""
        self._account(request).contacts.people.clear()
        return Response(status_code=204)

    def _numbered(self, number: int) -> Account:
        account = self._sandbox.accounts.get(number)
        if account is None:
            raise HTTPException(404)
        return account

    def _account(self, request: Request) -> Account:
        return self._numbered(request.path_params["account"])


def _stats(account: Account, now: float) -> dict[str, Any]:
    return {
        "account": account.number,
        "requests": dict(account.requests),
        "contacts": len(account.contacts.people),
        "contacts_received": account.contacts.received,
        "extra_writes": account.contacts.repeated,
        "imports": len(account.activities.all),
        "imports_waiting": account.activities.waiting(now),
        "connections": account.connections,
        "peak_connections": account.peak_connections,
    }


async def _lines(account: Account) -> AsyncIterator[bytes]:
    for some in batched(list(account.contacts.people.items()), _LINES_PER_CHUNK, strict=False):
        yield b"".join(_line(email, contact) for email, contact in some)


def _line(email: str, contact: Contact) -> bytes:
    shown = {
        "email": email,
        "status": contact.status,
        "fields": orjson.Fragment(contact.fields),
        "lists": sorted(contact.lists),
        "times_written": contact.writes,
    }
    return orjson.dumps(shown, option=orjson.OPT_APPEND_NEWLINE)
