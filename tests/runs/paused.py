"""A slice that is paused right before one of its writes, while another slice goes on with its run.

The write is on its way by then: it takes effect as soon as the pause is over, before the slice can learn
that its lane is lost.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import fields, replace
from inspect import isasyncgenfunction
from typing import Any

from shared.services import Services
from shared.storage.ports import Storage

_WRITES = ("insert", "replace", "put", "write", "delete")

type Meanwhile = Callable[[], Awaitable[None]]


class Pause:
    """Counts writes; before number `at` of them something else is done to its end."""

    def __init__(self, at: int | None, meanwhile: Meanwhile) -> None:
        self.writes: list[str] = []  # what was written, in order
        self._at = at
        self._meanwhile = meanwhile

    async def pass_through[T](self, what: str, write: Callable[[], Awaitable[T]]) -> T:
        """Do a write, after the pause if it is time for that."""
        self.writes.append(what)
        if len(self.writes) != self._at:
            return await write()
        canceled = await self._sit_out()
        written = await write()
        if canceled:
            raise asyncio.CancelledError
        return written

    async def _sit_out(self) -> bool:
        """Do what is done meanwhile; say whether the slice was to be stopped before the end of it."""
        task, canceled = asyncio.ensure_future(self._meanwhile()), False
        while not task.done():
            try:
                await asyncio.wait((task,))
            except asyncio.CancelledError:
                canceled = True
        task.result()
        return canceled


class _PausedPort:
    """A storage port of the slice that is paused."""

    def __init__(self, port: Any, name: str, pause: Pause) -> None:
        self._port = port
        self._name = name
        self._pause = pause

    def __getattr__(self, method: str) -> Callable[..., Any]:
        call = getattr(self._port, method)
        if method not in _WRITES or isasyncgenfunction(call):
            return call  # type: ignore[no-any-return] # a port's own method

        async def paused(*given: Any, **named: Any) -> Any:
            whole = [await _joined(each) for each in given]
            what = f"{self._name}.{method} {given[0]}"
            return await self._pause.pass_through(what, lambda: call(*whole, **named))

        return paused


async def _joined(given: Any) -> Any:
    """Return what is to be written, read to its end: that was done before the write was on its way."""
    return b"".join([each async for each in given]) if isinstance(given, AsyncIterator) else given


def paused(services: Services, pause: Pause) -> Services:
    """Return services for the slice that is paused."""
    storage = services.storage
    ports = {
        field.name: _PausedPort(port, field.name, pause)
        for field in fields(Storage)
        if field.name != "lanes" and (port := getattr(storage, field.name)) is not None
    }
    return replace(services, storage=replace(storage, **ports))
