"""/sandbox: look at what arrived and change the settings. No part of Mailchimp, and open to anybody."""

from collections.abc import AsyncIterator
from typing import Any, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from local.sandbox.faults import Fault
from local.sandbox.mailchimp import pages
from local.sandbox.mailchimp.audience import Audience, Member, digest_of, packed
from local.sandbox.mailchimp.fields import MergeField
from local.sandbox.mailchimp.state import Account, Sandbox, new_audience

_LINES_PER_CHUNK = 2000


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Seed(_Strict):
    """A member to be there already; `compliance` and `forgotten` refuse every write."""

    email: str
    status: Literal[
        "subscribed",
        "unsubscribed",
        "cleaned",
        "pending",
        "transactional",
        "archived",
        "compliance",
        "forgotten",
    ] = "subscribed"
    merge_fields: dict[str, Any] = {}
    tags: tuple[str, ...] = ()


class NewAudience(_Strict):
    """An audience to add."""

    name: str
    double_optin: bool = False


class NewMergeField(_Strict):
    """A merge field to add, or to put in the place of the one with its tag."""

    tag: str = Field(max_length=10)
    name: str
    type: str = "text"
    required: bool = False
    options: dict[str, Any] = {}


class Latency(_Strict):
    """How long calls take, in the sandbox's seconds; of one account or of all."""

    seconds: float = Field(ge=0)
    account: int | None = None


class Connections(_Strict):
    """How many calls an account may have under way at once; the published limit is 10."""

    most: int = Field(ge=1)


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
        account, audience = "/sandbox/accounts/{account:int}", "/audiences/{audience}"
        return [
            Route("/sandbox", self.overview),
            Route("/sandbox/stats", self.stats),
            Route("/sandbox/reset-stats", self.reset_stats, methods=["POST"]),
            Route("/sandbox/faults", self.faults),
            Route("/sandbox/faults", self.queue_faults, methods=["POST"]),
            Route("/sandbox/faults", self.clear_faults, methods=["DELETE"]),
            Route("/sandbox/latency", self.latency, methods=["POST"]),
            Route("/sandbox/connections", self.limit, methods=["POST"]),
            Route(f"{account}/revoke", self.revoke, methods=["POST"]),
            Route(f"{account}/audiences", self.add_audience, methods=["POST"]),
            Route(account + audience, self.remove_audience, methods=["DELETE"]),
            Route(f"{account}{audience}/members.ndjson", self.dump),
            Route(f"{account}{audience}/members", self.seed, methods=["POST"]),
            Route(f"{account}{audience}/members", self.empty, methods=["DELETE"]),
            Route(f"{account}{audience}/merge-fields", self.put_field, methods=["POST"]),
            Route(
                f"{account}{audience}/merge-fields/{{tag}}", self.remove_field, methods=["DELETE"]
            ),
        ]

    async def overview(self, _: Request) -> Response:
        """A page for people."""
        return pages.overview(self._sandbox)

    async def stats(self, _: Request) -> Response:
        """What each account has asked for since the last reset."""
        return JSONResponse({"accounts": [_stats(one) for one in self._sandbox.accounts.values()]})

    async def reset_stats(self, _: Request) -> Response:
        """Start counting anew; members stay."""
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

    async def limit(self, request: Request) -> Response:
        """Set how many calls each account may have under way at once."""
        self._sandbox.connections = (await _read(request, Connections)).most
        return Response(status_code=204)

    async def revoke(self, request: Request) -> Response:
        """Make all access tokens of an account invalid."""
        revoked = self._sandbox.tokens.revoke(self._account(request).number)
        return JSONResponse({"revoked": revoked})

    async def add_audience(self, request: Request) -> Response:
        """Add an empty audience; answers its id."""
        account = self._account(request)
        given = await _read(request, NewAudience)
        audience = new_audience(account.number, given.name, double_optin=given.double_optin)
        account.audiences[audience.id] = audience
        return JSONResponse({"id": audience.id}, 201)

    async def remove_audience(self, request: Request) -> Response:
        """Delete an audience, as its owner might."""
        del self._account(request).audiences[self._audience(request).id]
        return Response(status_code=204)

    async def dump(self, request: Request) -> Response:
        """Every member, a JSON object a line."""
        return StreamingResponse(_lines(self._audience(request)), media_type="application/x-ndjson")

    async def seed(self, request: Request) -> Response:
        """Put members there without the API."""
        audience = self._audience(request)
        now = int(self._sandbox.clock.now())
        for seed in await _read(request, list[Seed]):
            fields = packed(seed.merge_fields)
            member = Member(seed.email, seed.status, fields, now, seed.tags)
            audience.members[digest_of(seed.email)] = member
        return Response(status_code=204)

    async def empty(self, request: Request) -> Response:
        """Remove every member."""
        self._audience(request).members.clear()
        return Response(status_code=204)

    async def put_field(self, request: Request) -> Response:
        """Add or replace a merge field."""
        fields = self._audience(request).merge_fields
        given = await _read(request, NewMergeField)
        known = fields.get(given.tag)
        number = (
            known.merge_id if known else 1 + max((f.merge_id for f in fields.values()), default=0)
        )
        fields[given.tag] = MergeField(number, **given.model_dump())
        return Response(status_code=204)

    async def remove_field(self, request: Request) -> Response:
        """Delete a merge field."""
        if self._audience(request).merge_fields.pop(request.path_params["tag"], None) is None:
            raise HTTPException(404)
        return Response(status_code=204)

    def _numbered(self, number: int) -> Account:
        account = self._sandbox.accounts.get(number)
        if account is None:
            raise HTTPException(404)
        return account

    def _account(self, request: Request) -> Account:
        return self._numbered(request.path_params["account"])

    def _audience(self, request: Request) -> Audience:
        audience = self._account(request).audiences.get(request.path_params["audience"])
        if audience is None:
            raise HTTPException(404)
        return audience


def _stats(account: Account) -> dict[str, Any]:
    audiences = account.audiences.values()
    return {
        "account": account.number,
        "datacenter": account.datacenter,
        "requests": dict(account.requests),
        "bulk_calls": account.bulk_calls,
        "members_received": sum(audience.received for audience in audiences),
        "extra_writes": sum(audience.repeated for audience in audiences),
        "connections": account.connections,
        "peak_connections": account.peak_connections,
        "audiences": {
            audience.id: {
                "name": audience.name,
                "members": len(audience.members),
                "members_received": audience.received,
                "extra_writes": audience.repeated,
            }
            for audience in audiences
        },
    }


async def _lines(audience: Audience) -> AsyncIterator[bytes]:
    members = list(audience.members.values())
    for start in range(0, len(members), _LINES_PER_CHUNK):
        yield b"".join(map(_line, members[start : start + _LINES_PER_CHUNK]))


def _line(member: Member) -> bytes:
    shown = {
        "email": member.email,
        "status": member.status,
        "merge_fields": orjson.Fragment(member.merge_fields),
        "tags": member.tags,
        "times_written": member.writes,
    }
    return orjson.dumps(shown, option=orjson.OPT_APPEND_NEWLINE)
