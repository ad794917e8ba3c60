"""Shows and changes under /sandbox what only this vendor has: access, rights, lists, fields."""

from typing import Any, Literal

import orjson
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.sandbox.constant_contact.contacts import Contact
from local.sandbox.constant_contact.pages import overview
from local.sandbox.constant_contact.settings import Ending
from local.sandbox.constant_contact.state import PRIVILEGES, Account, CustomField, Sandbox
from local.sandbox.kit import control
from local.sandbox.kit.control import ACCOUNT, Strict, done, found, ndjson, read, settings_routes


class Seed(Strict):
    """A contact to be there already, on lists by id."""

    email: str
    status: Literal["active", "unsubscribed"] = "active"
    lists: tuple[str, ...] = ()
    fields: dict[str, str] = Field(default_factory=dict)


class NewList(Strict):
    """A list to add."""

    name: str


class NewField(Strict):
    """A custom field to add."""

    name: str
    label: str
    type: str = "string"
    choices: tuple[str, ...] = ()


class Endings(Strict):
    """How the next imports end."""

    ending: Ending
    count: int = Field(1, ge=1)


class Access(Strict):
    """Whether the application may still come in, at any account."""

    revoked: bool


class Rights(Strict):
    """What the user of an account may do."""

    user: Literal["all", "campaigns only"]


class Control(control.Control[Account, Sandbox]):
    """The routes under /sandbox that only this vendor's sandbox has."""

    def own_routes(self) -> list[Route]:
        """Return them."""
        return [
            *settings_routes("/sandbox/knobs", lambda _: self.sandbox),
            Route("/sandbox/access", self.access, methods=["POST"]),
            Route(f"{ACCOUNT}/expire", self.expire, methods=["POST"]),
            Route(f"{ACCOUNT}/revoke", self.revoke, methods=["POST"]),
            Route(f"{ACCOUNT}/rights", self.rights, methods=["POST"]),
            Route(f"{ACCOUNT}/endings", self.endings, methods=["POST"]),
            Route(f"{ACCOUNT}/lists", self.add_list, methods=["POST"]),
            Route(f"{ACCOUNT}/lists/{{list}}", self.remove_list, methods=["DELETE"]),
            Route(f"{ACCOUNT}/fields", self.add_field, methods=["POST"]),
            Route(f"{ACCOUNT}/contacts.ndjson", self.dump),
            Route(f"{ACCOUNT}/contacts", self.seed, methods=["POST"]),
            Route(f"{ACCOUNT}/contacts", self.empty, methods=["DELETE"]),
        ]

    def page(self) -> Response:
        """Return accounts, how to sign in, and what their lists hold."""
        return overview(self.sandbox)

    def statistics(self) -> dict[str, Any]:
        """Return what was asked for, and how much of it was too much."""
        now = self.sandbox.clock.now()
        return {
            "exceeded": dict(self.sandbox.exceeded),
            "truncated": self.sandbox.truncated,
            "requests_today": self.sandbox.today,
            "tokens_issued": self.sandbox.tokens.issued,
            "accounts": [_stats(one, now) for one in self.sandbox.accounts.values()],
        }

    async def access(self, request: Request) -> Response:
        """Let the application in or not."""
        self.sandbox.revoked = (await read(request, Access)).revoked
        return done()

    async def expire(self, request: Request) -> Response:
        """End the access tokens of an account; refresh tokens work."""
        self.sandbox.tokens.expire(self.account(request).number)
        return done()

    async def revoke(self, request: Request) -> Response:
        """End all tokens of an account."""
        self.sandbox.tokens.revoke(self.account(request).number)
        return done()

    async def rights(self, request: Request) -> Response:
        """Change what the user of an account may do."""
        user = (await read(request, Rights)).user
        names = PRIVILEGES["campaign"] + (PRIVILEGES["contacts"] if user == "all" else ())
        self.account(request).privileges = set(names)
        return done()

    async def endings(self, request: Request) -> Response:
        """Say how the next imports of an account end."""
        given = await read(request, Endings)
        self.account(request).activities.endings += [given.ending] * given.count
        return done()

    async def add_list(self, request: Request) -> Response:
        """Add an empty list; answers its id."""
        account = self.account(request)
        new = account.new_list((await read(request, NewList)).name)
        account.lists[new.id] = new
        return JSONResponse({"id": new.id}, 201)

    async def remove_list(self, request: Request) -> Response:
        """Delete a list, as its owner might; it is still told of."""
        lists = self.account(request).lists
        found(lists, request.path_params["list"]).deleted = self.sandbox.clock.now()
        return done()

    async def add_field(self, request: Request) -> Response:
        """Add a custom field, or put it in the place of the one with its name."""
        given = await read(request, NewField)
        self.account(request).fields[given.name] = CustomField(**given.model_dump())
        return done()

    async def dump(self, request: Request) -> Response:
        """Every contact, a JSON object a line."""
        return ndjson(self.account(request).contacts.people.items(), _shown)

    async def seed(self, request: Request) -> Response:
        """Put contacts there without the API."""
        people = self.account(request).contacts.people
        for seed in await read(request, list[Seed]):
            fields = orjson.dumps(seed.fields)
            people[seed.email.lower()] = Contact(seed.status, fields, frozenset(seed.lists))
        return done()

    async def empty(self, request: Request) -> Response:
        """Remove every contact."""
        self.account(request).contacts.people.clear()
        return done()


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


def _shown(one: tuple[str, Contact]) -> dict[str, Any]:
    email, contact = one
    return {
        "email": email,
        "status": contact.status,
        "fields": orjson.Fragment(contact.fields),
        "lists": sorted(contact.lists),
        "times_written": contact.writes,
    }
