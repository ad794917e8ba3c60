"""Shows under /sandbox what arrived, and changes how the sandbox behaves: no part of a vendor's API."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable
from itertools import batched
from typing import Any, Protocol, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from local.sandbox.kit.faults import Fault
from local.sandbox.kit.state import SandboxAccount, SandboxState

ACCOUNT = "/sandbox/accounts/{account:int}"
_LINES_PER_CHUNK = 2000


class Strict(BaseModel):
    """A body of which every member is known."""

    model_config = ConfigDict(extra="forbid")


class Latency(Strict):
    """How long calls take, in the sandbox's seconds; of one account or of all."""

    seconds: float = Field(ge=0)
    account: int | None = None


class Faulty(Strict):
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


class Adjustable(Protocol):
    """Something with settings: an account, or a whole sandbox."""

    settings: Any


class Control[A: SandboxAccount, S: SandboxState[Any]](ABC):
    """The routes under /sandbox: those of every sandbox, and those that a vendor adds."""

    def __init__(self, sandbox: S) -> None:
        self.sandbox = sandbox

    @abstractmethod
    def page(self) -> Response:
        """Return the page for people."""

    @abstractmethod
    def statistics(self) -> dict[str, Any]:
        """Return what was asked for since the counts were forgotten."""

    @abstractmethod
    def own_routes(self) -> list[Route]:
        """Return what only this vendor's sandbox has."""

    def routes(self) -> list[Route]:
        """To be mounted at the root."""
        return [
            Route("/sandbox", self.overview),
            Route("/sandbox/stats", self.stats),
            Route("/sandbox/reset-stats", self.reset_stats, methods=["POST"]),
            Route("/sandbox/faults", self.faults),
            Route("/sandbox/faults", self.queue_faults, methods=["POST"]),
            Route("/sandbox/faults", self.clear_faults, methods=["DELETE"]),
            Route("/sandbox/latency", self.latency, methods=["POST"]),
            *self.own_routes(),
        ]

    async def overview(self, _: Request) -> Response:
        """A page for people."""
        self.sandbox.settle()
        return self.page()

    async def stats(self, _: Request) -> Response:
        """What each account has asked for since the last reset."""
        self.sandbox.settle()
        return JSONResponse(self.statistics())

    async def reset_stats(self, _: Request) -> Response:
        """Start counting anew; contacts stay."""
        self.sandbox.settle()
        self.sandbox.forget_counts()
        return done()

    async def faults(self, _: Request) -> Response:
        """The queue, with how often each has happened."""
        return JSONResponse([fault.model_dump() for fault in self.sandbox.faults.queued])

    async def queue_faults(self, request: Request) -> Response:
        """Add one fault or a list of them."""
        self.sandbox.faults.queued += (await read(request, Faulty)).faults
        return done()

    async def clear_faults(self, _: Request) -> Response:
        """No more faults."""
        self.sandbox.faults.queued.clear()
        return done()

    async def latency(self, request: Request) -> Response:
        """Set how long calls take."""
        given = await read(request, Latency)
        if given.account is None:
            self.sandbox.latency = given.seconds
        else:
            self._numbered(given.account).latency = given.seconds
        return done()

    def account(self, request: Request) -> A:
        """Return the account of the path, with all done that is to be. Raises HTTPException (404)."""
        return self._numbered(request.path_params["account"])

    def _numbered(self, number: int) -> A:
        account: A = found(self.sandbox.accounts, number)
        account.settle(self.sandbox.clock.now())
        return account


def done() -> Response:
    """Return the answer that says no more than that it went well."""
    return Response(status_code=204)


def found[K, V](things: dict[K, V], key: K) -> V:
    """Return one of them. Raises HTTPException (404)."""
    if key not in things:
        raise HTTPException(404)
    return things[key]


def removed[K, V](things: dict[K, V], key: K) -> Response:
    """Remove one of them. Raises HTTPException (404)."""
    found(things, key)
    del things[key]
    return done()


async def read[T](request: Request, kind: type[T]) -> T:
    """Return the body as `kind`. Raises HTTPException (422)."""
    try:
        return TypeAdapter(kind).validate_json(await request.body())
    except ValidationError as error:
        raise HTTPException(422, str(error)) from None


def settings_routes(path: str, of: Callable[[Request], Adjustable]) -> list[Route]:
    """Return the routes that show the settings of something and change those that are given."""

    async def show(request: Request) -> Response:
        return JSONResponse(of(request).settings.model_dump())

    async def change(request: Request) -> Response:
        changes = await read(request, dict[str, Any])
        changing = of(request)
        settings = changing.settings
        try:
            changing.settings = type(settings).model_validate(settings.model_dump() | changes)
        except ValidationError as error:
            raise HTTPException(422, str(error)) from None
        return JSONResponse(changing.settings.model_dump())

    return [Route(path, show), Route(path, change, methods=["PATCH"])]


def ndjson[T](things: Iterable[T], shown: Callable[[T], dict[str, Any]]) -> Response:
    """Return all of them as they are now, a JSON object a line."""
    everything = list(things)

    async def lines() -> AsyncIterator[bytes]:
        for some in batched(everything, _LINES_PER_CHUNK, strict=False):
            yield b"".join(
                orjson.dumps(shown(one), option=orjson.OPT_APPEND_NEWLINE) for one in some
            )

    return StreamingResponse(lines(), media_type="application/x-ndjson")
