"""Doing independent things side by side, so that they take no longer than the longest of them."""

import asyncio
from collections.abc import Awaitable
from typing import Any, overload


@overload
async def side_by_side[A, B](first: Awaitable[A], second: Awaitable[B], /) -> tuple[A, B]: ...


@overload
async def side_by_side[A, B, C](
    first: Awaitable[A], second: Awaitable[B], third: Awaitable[C], /
) -> tuple[A, B, C]: ...


async def side_by_side(*works: Awaitable[Any]) -> tuple[Any, ...]:
    """Return what each of them gives, once all are over; raise the error of the first that has one.

    None is broken off when another fails: a write that is broken off may have worked or not.
    """
    found = await asyncio.gather(*works, return_exceptions=True)
    for each in found:
        if isinstance(each, BaseException):
            raise each
    return tuple(found)
