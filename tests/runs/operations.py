"""Storage operations, counted as Azure counts them, and slowed down so that two hosts overlap."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import fields, replace
from inspect import isasyncgenfunction
from typing import Any

from shared.domain.clock import Clock
from shared.services import Services
from shared.storage.ports import Storage


class CountedPort:
    """A port whose every call, and every piece that it reads, is one operation."""

    def __init__(self, port: Any, name: str, counts: Counter[str]) -> None:
        self._port = port
        self._name = name
        self._counts = counts

    def __getattr__(self, method: str) -> Callable[..., Any]:
        call = getattr(self._port, method)
        operation = f"{self._name}.{method}"
        if isasyncgenfunction(call):
            return lambda *given, **named: self._pieces(operation, call(*given, **named))
        return lambda *given, **named: self._count(operation, call, given, named)

    def _count(self, operation: str, call: Callable[..., Any], given: Any, named: Any) -> Any:
        self._counts[operation] += 1
        return call(*given, **named)

    async def _pieces(self, operation: str, pieces: AsyncIterator[Any]) -> AsyncIterator[Any]:
        # A listing gives 5,000 names at once, and a stream 4 MiB, more than there is in any test.
        self._counts[operation] += 1
        async for piece in pieces:
            yield piece


class SlowPort:
    """A port whose answers take a while, each another one."""

    def __init__(self, port: Any, clock: Clock, chance: random.Random) -> None:
        self._port = port
        self._clock = clock
        self._chance = chance

    def __getattr__(self, method: str) -> Callable[..., Any]:
        call = getattr(self._port, method)
        return call if isasyncgenfunction(call) else self._slow(call)

    def _slow(self, call: Callable[..., Any]) -> Callable[..., Any]:
        async def slow(*given: Any, **named: Any) -> Any:
            await self._clock.sleep(self._chance.random() / 20)
            answer = await call(*given, **named)
            await self._clock.sleep(self._chance.random() / 20)
            return answer

        return slow


def counted(services: Services) -> tuple[Services, Counter[str]]:
    """Return services whose storage operations are counted, and the counts by port and operation."""
    counts: Counter[str] = Counter()
    return _with_ports(services, lambda port, name: CountedPort(port, name, counts)), counts


def slowed(services: Services, seed: int) -> Services:
    """Return services whose storage takes up to 0.1 seconds for an operation."""
    chance = random.Random(seed)  # noqa: S311 - delays, not secrets
    return _with_ports(services, lambda port, _: SlowPort(port, services.clock, chance))


def _with_ports(services: Services, other: Callable[[Any, str], Any]) -> Services:
    storage = services.storage
    ports = {
        field.name: other(port, field.name)
        for field in fields(Storage)
        if (port := getattr(storage, field.name)) is not None
    }
    return replace(services, storage=replace(storage, **ports))
