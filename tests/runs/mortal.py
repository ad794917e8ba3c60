"""A process that dies: storage and network that stop for good at one chosen operation.

Once it has died, every further operation raises too, also those of clean-up code: a killed process
releases no lease and writes no last word. What it had sent before may have arrived, or not.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import fields, replace
from inspect import isasyncgenfunction
from typing import Any

import httpx

from shared.services import Services
from shared.storage.ports import Storage


class Crash(BaseException):
    """The process is gone. No `except Exception` may catch it."""


class Life:
    """One life of a process. It ends at operation number `dies_at`, before or after that takes effect."""

    def __init__(self, dies_at: int | None = None, after: bool = False) -> None:
        self.operations = 0
        self.dead = False
        self.mourners: list[asyncio.Task[Any] | None] = []  # tasks that were told
        self._dies_at = dies_at
        self._after = after

    async def live[T](self, operation: Awaitable[T]) -> T:
        """Do an operation, unless this life is over; raise Crash."""
        self.operations += 1
        is_the_last = self.operations == self._dies_at
        self.dead = self.dead or (is_the_last and not self._after)
        if self.dead:
            if isinstance(operation, Coroutine):
                operation.close()  # it was never begun, which Python would warn of
            raise self._crash()
        try:
            return await operation
        finally:  # whether it gave a result or an error, nobody is left to see it
            self.dead = self.dead or is_the_last
            if self.dead:
                raise self._crash()

    def _crash(self) -> Crash:
        self.mourners.append(asyncio.current_task())
        return Crash()


class MortalPort:
    """A storage port in one life. Every call, and every piece that is read or written, can be the last."""

    def __init__(self, port: Any, life: Life) -> None:
        self._port = port
        self._life = life

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._port, name)
        if isasyncgenfunction(method):
            return lambda *given, **named: self._pieces(method(*given, **named))
        return lambda *given, **named: self._life.live(method(*given, **named))

    async def _pieces(self, pieces: AsyncIterator[Any]) -> AsyncIterator[Any]:
        end = object()
        while (piece := await self._life.live(_next(pieces, end))) is not end:
            yield piece


class MortalTransport(httpx.AsyncBaseTransport):
    """The network in one life."""

    def __init__(self, transport: httpx.AsyncBaseTransport, life: Life) -> None:
        self._transport = transport
        self._life = life

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._life.live(self._transport.handle_async_request(request))


def in_life(services: Services, transport: httpx.AsyncBaseTransport, life: Life) -> Services:
    """Return services that end with a life."""
    storage = services.storage
    ports = {
        field.name: MortalPort(getattr(storage, field.name), life) for field in fields(Storage)
    }
    return replace(
        services,
        storage=replace(storage, **ports),
        http=httpx.AsyncClient(transport=MortalTransport(transport, life)),
    )


async def survives(life: Life, work: Coroutine[Any, Any, None]) -> bool:
    """Do some work of a mortal process to its end; say whether it lived to see it.

    Whatever it had under way dies with it.
    """
    others = asyncio.all_tasks()
    task = asyncio.create_task(work)
    await asyncio.wait((task,))
    left = asyncio.all_tasks() - others
    for each in left:
        each.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    for mourner in life.mourners:
        if mourner and mourner.done() and not mourner.cancelled():
            mourner.exception()  # nobody in a dead process asks for it, and asyncio would complain
    error = task.exception()
    if error is None:
        return True
    if isinstance(error, Crash) or (
        isinstance(error, BaseExceptionGroup) and error.split(Crash)[1] is None
    ):
        return False
    raise error


async def _next(pieces: AsyncIterator[Any], end: object) -> Any:
    return await anext(pieces, end)
