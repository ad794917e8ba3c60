"""Shows and changes under /sandbox what only this vendor has: keys, lists, fields, exclusions."""

from functools import partial
from typing import Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.sandbox.activecampaign.answers import inspected, statistics
from local.sandbox.activecampaign.contacts import BOUNCED, STATUSES
from local.sandbox.activecampaign.pages import overview
from local.sandbox.activecampaign.settings import Ending
from local.sandbox.activecampaign.state import Account, CustomField, Exclusion, Sandbox
from local.sandbox.kit import control
from local.sandbox.kit.control import ACCOUNT, Strict, done, ndjson, read, removed, settings_routes


class Seed(Strict):
    """A contact to be there already, on lists by id; `bounced` and `excluded` hold for all lists."""

    email: str
    status: Literal["active", "unsubscribed", "unconfirmed", "bounced", "excluded"] = "active"
    lists: tuple[int, ...] = (1,)
    first_name: str = ""
    last_name: str = ""
    phone: str = ""
    fields: dict[str, str] = Field(default_factory=dict)
    tags: tuple[str, ...] = ()


class NewList(Strict):
    """A list to add."""

    name: str


class NewField(Strict):
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


class NewExclusion(Strict):
    """An address to exclude, or with `end` what addresses end with, such as @example.com."""

    phrase: str
    type: Literal["exact", "end"] = "exact"


class Endings(Strict):
    """How the next imports end."""

    ending: Ending
    count: int = Field(1, ge=1)


class Control(control.Control[Account, Sandbox]):
    """The routes under /sandbox that only this vendor's sandbox has."""

    def own_routes(self) -> list[Route]:
        """Return them."""
        return [
            *settings_routes(f"{ACCOUNT}/knobs", self.account),
            Route(f"{ACCOUNT}/new-key", self.new_key, methods=["POST"]),
            Route(f"{ACCOUNT}/lists", self.add_list, methods=["POST"]),
            Route(f"{ACCOUNT}/lists/{{number:int}}", self.remove_list, methods=["DELETE"]),
            Route(f"{ACCOUNT}/fields", self.add_field, methods=["POST"]),
            Route(f"{ACCOUNT}/fields/{{number:int}}", self.remove_field, methods=["DELETE"]),
            Route(f"{ACCOUNT}/exclusions", self.exclude, methods=["POST"]),
            Route(f"{ACCOUNT}/endings", self.end, methods=["POST"]),
            Route(f"{ACCOUNT}/contacts.ndjson", self.dump),
            Route(f"{ACCOUNT}/contacts", self.seed, methods=["POST"]),
            Route(f"{ACCOUNT}/contacts", self.empty, methods=["DELETE"]),
        ]

    def page(self) -> Response:
        """Return accounts, their keys, and what their lists hold."""
        return overview(self.sandbox)

    def statistics(self) -> dict[str, Any]:
        """Return what each account has asked for."""
        return {"accounts": [statistics(one) for one in self.sandbox.accounts.values()]}

    async def new_key(self, request: Request) -> Response:
        """Replace an account's key; answers the new one."""
        account = self.account(request)
        self.sandbox.keys.replace(account)
        return JSONResponse({"api_key": account.api_key})

    async def add_list(self, request: Request) -> Response:
        """Add a list; answers its id."""
        lists = self.account(request).lists
        number = 1 + max(lists, default=0)
        lists[number] = (await read(request, NewList)).name
        return JSONResponse({"id": number}, 201)

    async def remove_list(self, request: Request) -> Response:
        """Delete a list, as its owner might."""
        return removed(self.account(request).lists, request.path_params["number"])

    async def add_field(self, request: Request) -> Response:
        """Add a custom field; answers its id."""
        fields = self.account(request).fields
        given = await read(request, NewField)
        number = 1 + max(fields, default=0)
        fields[number] = CustomField(number, **given.model_dump())
        return JSONResponse({"id": number}, 201)

    async def remove_field(self, request: Request) -> Response:
        """Delete a custom field."""
        return removed(self.account(request).fields, request.path_params["number"])

    async def exclude(self, request: Request) -> Response:
        """Put an address, or the end of some, on the account's exclusion list."""
        given = await read(request, NewExclusion)
        self.account(request).exclusions.append(Exclusion(**given.model_dump()))
        return done()

    async def end(self, request: Request) -> Response:
        """Let the next imports end in another way."""
        given = await read(request, Endings)
        self.account(request).imports.endings.extend([given.ending] * given.count)
        return done()

    async def dump(self, request: Request) -> Response:
        """Every contact, a JSON object a line."""
        account = self.account(request)
        return ndjson(account.contacts.after(0), partial(inspected, account))

    async def seed(self, request: Request) -> Response:
        """Put contacts there without the API."""
        account = self.account(request)
        now = self.sandbox.clock.now()
        for seed in await read(request, list[Seed]):
            _plant(account, seed, now)
        return done()

    async def empty(self, request: Request) -> Response:
        """Remove every contact."""
        self.account(request).contacts.clear()
        return done()


def _plant(account: Account, seed: Seed, now: float) -> None:
    values: dict[str, Any] = seed.model_dump(include={"first_name", "last_name", "phone", "fields"})
    contact = account.contacts.put(seed.email, values, now)
    contact.bounced = seed.status == "bounced"
    status = BOUNCED if contact.bounced else STATUSES.get(seed.status, STATUSES["active"])
    contact.lists = tuple((number, status) for number in seed.lists)
    contact.tags = seed.tags
    if seed.status == "excluded":
        account.exclusions.append(Exclusion(seed.email))
