"""Storage behind real sockets, for a clock that jumps."""

from collections.abc import AsyncIterator, Callable
from dataclasses import fields, replace
from inspect import isasyncgenfunction
from typing import Any

from shared.storage.ports import Storage
from tests.fakes.clock import FakeClock


class _Port:
    """A port during whose every call the clock stands still."""

    def __init__(self, port: Any, clock: FakeClock) -> None:
        self._port, self._clock = port, clock

    def __getattr__(self, method: str) -> Callable[..., Any]:
        call = getattr(self._port, method)
        return self._pieces(call) if isasyncgenfunction(call) else self._awaited(call)

    def _awaited(self, call: Callable[..., Any]) -> Callable[..., Any]:
        async def held(*given: Any, **named: Any) -> Any:
            with self._clock.held():
                return await call(*given, **named)

        return held

    def _pieces(self, call: Callable[..., Any]) -> Callable[..., Any]:
        async def held(*given: Any, **named: Any) -> AsyncIterator[Any]:
            pieces, end = call(*given, **named), object()
            while True:
                with self._clock.held():
                    piece = await anext(pieces, end)
                if piece is end:
                    return
                yield piece

        return held


def on_sockets(storage: Storage, clock: FakeClock) -> Storage:
    """Return the ports with a clock that stands still while any of them is asked something."""
    held: dict[str, Any] = {
        each.name: _Port(port, clock)
        for each in fields(Storage)
        if (port := getattr(storage, each.name)) is not None
    }
    return replace(storage, **held)
