"""Shows and changes under /sandbox what only this vendor has: audiences, members, merge fields."""

from typing import Any, Literal

import orjson
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.sandbox.kit import control
from local.sandbox.kit.control import ACCOUNT, Strict, done, found, ndjson, read, removed
from local.sandbox.kit.state import packed
from local.sandbox.mailchimp.audience import Audience, Member, digest_of
from local.sandbox.mailchimp.fields import MergeField
from local.sandbox.mailchimp.pages import overview
from local.sandbox.mailchimp.state import Account, Sandbox, new_audience


class Seed(Strict):
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
    merge_fields: dict[str, Any] = Field(default_factory=dict)
    tags: tuple[str, ...] = ()


class NewAudience(Strict):
    """An audience to add."""

    name: str
    double_optin: bool = False


class NewMergeField(Strict):
    """A merge field to add, or to put in the place of the one with its tag."""

    tag: str = Field(max_length=10)
    name: str
    type: str = "text"
    required: bool = False
    options: dict[str, Any] = Field(default_factory=dict)


class Connections(Strict):
    """How many calls an account may have under way at once; the published limit is 10."""

    most: int = Field(ge=1)


class Control(control.Control[Account, Sandbox]):
    """The routes under /sandbox that only this vendor's sandbox has."""

    def own_routes(self) -> list[Route]:
        """Return them."""
        audience = f"{ACCOUNT}/audiences/{{audience}}"
        return [
            Route("/sandbox/connections", self.limit, methods=["POST"]),
            Route(f"{ACCOUNT}/revoke", self.revoke, methods=["POST"]),
            Route(f"{ACCOUNT}/audiences", self.add_audience, methods=["POST"]),
            Route(audience, self.remove_audience, methods=["DELETE"]),
            Route(f"{audience}/members.ndjson", self.dump),
            Route(f"{audience}/members", self.seed, methods=["POST"]),
            Route(f"{audience}/members", self.empty, methods=["DELETE"]),
            Route(f"{audience}/merge-fields", self.put_field, methods=["POST"]),
            Route(f"{audience}/merge-fields/{{tag}}", self.remove_field, methods=["DELETE"]),
        ]

    def page(self) -> Response:
        """Return accounts, how to sign in, and what their audiences hold."""
        return overview(self.sandbox)

    def statistics(self) -> dict[str, Any]:
        """Return what each account has asked for."""
        return {"accounts": [_stats(one) for one in self.sandbox.accounts.values()]}

    async def limit(self, request: Request) -> Response:
        """Set how many calls each account may have under way at once."""
        self.sandbox.connections = (await read(request, Connections)).most
        return done()

    async def revoke(self, request: Request) -> Response:
        """Make all access tokens of an account invalid."""
        revoked = self.sandbox.tokens.revoke(self.account(request).number)
        return JSONResponse({"revoked": revoked})

    async def add_audience(self, request: Request) -> Response:
        """Add an empty audience; answers its id."""
        account = self.account(request)
        given = await read(request, NewAudience)
        audience = new_audience(account.number, given.name, double_optin=given.double_optin)
        account.audiences[audience.id] = audience
        return JSONResponse({"id": audience.id}, 201)

    async def remove_audience(self, request: Request) -> Response:
        """Delete an audience, as its owner might."""
        return removed(self.account(request).audiences, request.path_params["audience"])

    async def dump(self, request: Request) -> Response:
        """Every member, a JSON object a line."""
        return ndjson(self._audience(request).members.values(), _shown)

    async def seed(self, request: Request) -> Response:
        """Put members there without the API."""
        audience = self._audience(request)
        now = int(self.sandbox.clock.now())
        for seed in await read(request, list[Seed]):
            fields = packed(seed.merge_fields)
            member = Member(seed.email, seed.status, fields, now, seed.tags)
            audience.members[digest_of(seed.email)] = member
        return done()

    async def empty(self, request: Request) -> Response:
        """Remove every member."""
        self._audience(request).members.clear()
        return done()

    async def put_field(self, request: Request) -> Response:
        """Add or replace a merge field."""
        fields = self._audience(request).merge_fields
        given = await read(request, NewMergeField)
        known = fields.get(given.tag)
        number = (
            known.merge_id if known else 1 + max((f.merge_id for f in fields.values()), default=0)
        )
        fields[given.tag] = MergeField(number, **given.model_dump())
        return done()

    async def remove_field(self, request: Request) -> Response:
        """Delete a merge field."""
        return removed(self._audience(request).merge_fields, request.path_params["tag"])

    def _audience(self, request: Request) -> Audience:
        return found(self.account(request).audiences, request.path_params["audience"])


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


def _shown(member: Member) -> dict[str, Any]:
    return {
        "email": member.email,
        "status": member.status,
        "merge_fields": orjson.Fragment(member.merge_fields),
        "tags": member.tags,
        "times_written": member.writes,
    }
