"""Doing something to many exports in one request: how it ends for those to which it is not done."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from shared.domain.errors import Conflict, NotAllowed, NotFound, Outdated, Refusal
from shared.domain.export import Idle
from shared.domain.message import Message, say

_AT_ONCE = 16  # exports


class Kept(Refusal):
    """The export has a schedule of its own, or is off, and that was to be kept."""


_CODES: dict[type[Refusal], str] = {
    NotFound: "not_found",
    NotAllowed: "not_allowed",
    Outdated: "outdated",
    Conflict: "conflict",
    Kept: "kept",
}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An export to which something was not done; `code` is for programs."""

    export_id: str
    code: str
    reason: Message | str

    @classmethod
    def idle(cls, export_id: str, idle: Idle) -> "LeftOut":
        """Return it for an export that nothing runs."""
        return cls(export_id, idle, idle.reason)

    @classmethod
    def off(cls, export_id: str) -> "LeftOut":
        """Return it for an export whose schedule is off."""
        return cls(export_id, "off", say("The schedule of the export is off."))

    @classmethod
    def refused(cls, export_id: str, refusal: Refusal) -> "LeftOut":
        """Return it for an export to which it could not be done."""
        return cls(export_id, _CODES[type(refusal)], refusal.reason)


async def each_of[T, R](items: Iterable[T], work: Callable[[T], Awaitable[R]]) -> list[R]:
    """Do something to each, several at once, and return the results in their order."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def in_turn(item: T) -> R:
        async with turns:
            return await work(item)

    return await asyncio.gather(*map(in_turn, items))
