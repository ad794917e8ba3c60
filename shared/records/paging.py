"""Lists for people: searched by name, sorted, and read page by page.

A page begins behind the last item of the page before it, by what that item was sorted by and by its
key. So whatever is added or removed meanwhile, what stays is on exactly one page.
"""

import json
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from heapq import nlargest, nsmallest

from pydantic import BaseModel

from shared.invisible import without_invisible
from shared.records.records import LARGEST_PAGE, scan
from shared.storage.ports import Records, Stored

type _Cursor = tuple[str, str]
"""What an item is sorted by, and its key."""

_SORTED_BY = 150  # characters of a name, so that a cursor stays short


class Sort(StrEnum):
    """The orders of a list. Records are stored by age: only the first one reads no more than it shows."""

    OLDEST = "created_at"
    NEWEST = "-created_at"
    NAME = "name"
    NAME_REVERSED = "-name"

    @property
    def is_by_name(self) -> bool:
        """Whether it is by name; else it is by age."""
        return self in (Sort.NAME, Sort.NAME_REVERSED)

    @property
    def is_reversed(self) -> bool:
        """Whether it is from the end."""
        return self in (Sort.NEWEST, Sort.NAME_REVERSED)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of a list somebody wants to see."""

    search: str = ""  # part of the name, whatever the case of letters
    sort: Sort = Sort.OLDEST
    after: str = ""  # where the page before ended; a cursor that was never given is the beginning
    limit: int = 50


async def listed[T: BaseModel](
    records: Records[T],
    wanted: Wanted,
    name: Callable[[T], str],
    among: Callable[[T], bool] = lambda _: True,
) -> tuple[list[Stored[T]], str | None]:
    """Return a page of the records `among` those that the caller may see, and where the next begins."""
    search = folded(wanted.search)

    def fits(each: T) -> bool:
        return search in folded(name(each)) and among(each)

    def cursor_of(stored: Stored[T]) -> _Cursor:
        by = folded(name(stored.value))[:_SORTED_BY] if wanted.sort.is_by_name else ""
        return by, stored.key

    read = _first if wanted.sort is Sort.OLDEST else _best
    found = await read(records, wanted, fits, cursor_of)
    page = found[: wanted.limit]
    return page, json.dumps(cursor_of(page[-1])) if len(found) > wanted.limit else None


def page_of[T](
    items: Iterable[T], cursor_of: Callable[[T], str], after: str, limit: int
) -> tuple[list[T], str | None]:
    """Return a page of items that are all known, sorted by their cursors, and where the next begins."""
    behind = sorted((each for each in items if cursor_of(each) > after), key=cursor_of)
    page = behind[:limit]
    return page, cursor_of(page[-1]) if len(behind) > limit else None


def folded(text: str) -> str:
    """Return a text as it is compared: without case, what cannot be seen, and ways to write a letter."""
    return unicodedata.normalize("NFC", without_invisible(text.casefold()))


async def _first[T: BaseModel](
    records: Records[T],
    wanted: Wanted,
    fits: Callable[[T], bool],
    _: Callable[[Stored[T]], _Cursor],
) -> list[Stored[T]]:
    """Return one more than a page, the oldest first, reading on from where the page begins."""
    found: list[Stored[T]] = []
    begin = _parsed(wanted.after) or ("", "")
    async for stored in scan(records, after=begin[1], size=wanted.limit + 1):
        if fits(stored.value):
            found.append(stored)
            if len(found) > wanted.limit:
                break
    return found


async def _best[T: BaseModel](
    records: Records[T],
    wanted: Wanted,
    fits: Callable[[T], bool],
    cursor_of: Callable[[Stored[T]], _Cursor],
) -> list[Stored[T]]:
    """Return one more than a page in any order: all are read, and no more than two pages kept."""
    begin, backwards = _parsed(wanted.after), wanted.sort.is_reversed
    best = nlargest if backwards else nsmallest
    found: list[Stored[T]] = []
    async for stored in scan(records, size=LARGEST_PAGE):
        if not fits(stored.value):
            continue
        at = cursor_of(stored)
        behind = begin is None or (at < begin if backwards else at > begin)
        if behind:
            found.append(stored)
        if len(found) > 2 * wanted.limit:
            found = best(wanted.limit + 1, found, key=cursor_of)
    return best(wanted.limit + 1, found, key=cursor_of)


def _parsed(after: str) -> _Cursor | None:
    try:
        match json.loads(after):
            case [str(value), str(key)]:
                return value, key
    except ValueError:
        return None
    return None
