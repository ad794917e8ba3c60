"""Gives out the rows that a run did not bring across: to search, and as CSV, page by page."""

import csv
import io
import re
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from shared.api.dependencies import (
    After,
    AnyCaller,
    Contributor,
    Page,
    TheServices,
    cursor,
    place_of,
)
from shared.api.paths import RUNS
from shared.api.wording import Words, spoken, worded
from shared.domain.errors import Gone
from shared.domain.message import say
from shared.domain.outcomes import REJECT_COLUMNS, Outcome, Reject
from shared.domain.people import Language
from shared.records.chosen import Chosen
from shared.runs.reject_pages import (
    SEARCHING,
    RejectFilter,
    is_first_page,
    open_rejects,
    read_rejects,
)

router = APIRouter(prefix=RUNS, tags=["runs"])

_MOST_BYTES = 4 * 1024 * 1024 - 10_000  # of a page, but for what is around its items
_MOST_LINES = 10_000  # of a page of CSV, its header included
_COLLECTING = 10.0  # seconds after which a page of CSV begins no other file

# Spreadsheets take a file for UTF-8 by the mark that it begins with.
_MARK = "\ufeff"
# What Excel separates by where commas are decimal; everywhere else it is the comma.
_SEPARATORS = {Language.SWEDISH: ";", Language.FRENCH: ";"}
# Before what a spreadsheet may take for a formula: a sign, also in its wide form, where a cell begins. To
# one that separates by something else than we do, a cell may begin within one of ours.
_FORMULA = re.compile(
    r"(?:\A|(?<=[,;|\t\r\n]))(?=[ \u00a0\u3000\"]*+[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])"
)


class RejectSearch(Chosen, frozen=True):
    """Which rejects to look for, and from where on. Those that are all of what is given are found."""

    outcome: Annotated[Outcome | None, Field(strict=False)] = None
    code: Annotated[str | None, Field(max_length=200)] = None
    segment: Annotated[str | None, Field(max_length=1000)] = None
    address: Annotated[
        str | None, Field(max_length=1000, description="The whole address, in any spelling.")
    ] = None
    after: Annotated[str, Field(max_length=2000, description="The `next` of another page.")] = ""
    limit: Annotated[int, Field(ge=1, le=1000, description="How many items to return.")] = 50


class RejectItem(BaseModel):
    """A row that was not accepted, and why. It holds personal data."""

    segment: str
    row: int = Field(description="As a spreadsheet numbers it; 0 when nobody can tell.")
    address: str = Field(description="Empty when nobody can tell.")
    outcome: Outcome
    code: str
    reason: Words
    file: str = Field(description="Of a segment that came as several files; else empty.")


class _Room:
    """What a page may still hold."""

    def __init__(self, items: int) -> None:
        self._items = items
        self._bytes = _MOST_BYTES

    def takes(self, size: int) -> bool:
        """Say whether there is room for one item more, of this size in bytes; if so it is used up."""
        if not self._items or size > self._bytes:
            return False
        self._items -= 1
        self._bytes -= size
        return True


@router.post(
    "/{key}/rejects/search",
    operation_id="listRejects",
    summary="Rows that were not accepted",
)
async def search(
    services: TheServices, caller: Contributor, key: str, body: RejectSearch
) -> Page[RejectItem]:
    """Return a page of the rejects so far, in the order in which they were found.

    Who may edit the export may read them. A page looks through so many rejects at most, so it may have
    fewer items than `limit`, or none, while `next` says that there is more to look through.
    """
    run = await open_rejects(services, caller, key)
    room, items = _Room(body.limit), list[RejectItem]()

    def take(reject: Reject) -> bool:
        item = RejectItem.model_validate(reject, from_attributes=True)
        is_taken = room.takes(len(item.model_dump_json().encode()) + 1)
        if is_taken:
            items.append(item)
        return is_taken

    wanted = RejectFilter(body.outcome, body.code, body.segment, body.address)
    onward = await read_rejects(services, run, place_of(body.after), wanted, take, SEARCHING)
    return Page(items=items, next=cursor(onward))


@router.get(
    "/{key}/rejects.csv",
    operation_id="getRejectsAsCsv",
    summary="Rows that were not accepted, as CSV",
    response_class=Response,
    responses={
        200: {
            "content": {"text/csv": {"schema": {"type": "string"}}},
            "headers": {
                "Link": {
                    "description": 'The address of the next page, `rel="next"`, while there is one.',
                    "schema": {"type": "string"},
                }
            },
        }
    },
)
async def list_all(services: TheServices, caller: Contributor, key: str, after: After) -> Response:
    """Return a page of the rejects so far: 10,000 lines and 4 MiB at most. The pages in turn are one file.

    Only the first begins with a byte order mark and a header. Cells are separated by semicolons in Swedish
    and French, so Excel opens the file right. No cell is one that a spreadsheet would run as a formula. Who
    may edit the export may read them.
    """
    run = await open_rejects(services, caller, key)
    separator = _SEPARATORS.get(spoken.get(), ",")
    room, lines = _Room(_MOST_LINES), list[bytes]()

    def put(text: str) -> bool:
        data = text.encode()
        is_taken = room.takes(len(data))
        if is_taken:
            lines.append(data)
        return is_taken

    if is_first_page(after):
        put(_MARK + line(REJECT_COLUMNS, separator))
    onward = await read_rejects(
        services,
        run,
        after,
        RejectFilter(),
        lambda reject: put(line(_cells(reject), separator)),
        _COLLECTING,
    )
    headers = {"Content-Disposition": f'attachment; filename="rejects-{run.id}.csv"'}
    if onward:
        headers["Link"] = f'<{RUNS}/{run.id}/rejects.csv?after={cursor(onward)}>; rel="next"'
    return Response(b"".join(lines), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/{key}/rejects", include_in_schema=False)
async def list_once(_: AnyCaller, key: str) -> None:
    """Say what there is instead of all rejects in one answer, which could fill an instance."""
    at = f"{RUNS}/{{id}}/rejects"
    raise Gone(
        say(
            "Rejects come in pages: POST {search} finds them as JSON, and GET {csv} gives them as CSV.",
            search=f"{at}/search",
            csv=f"{at}.csv",
        )
    )


def _cells(reject: Reject) -> list[str]:
    cells = {column: str(getattr(reject, column)) for column in REJECT_COLUMNS}
    return [*(cells | {"reason": worded(reject.reason)}).values()]


def line(cells: Sequence[str], separator: str) -> str:
    """Return a line of CSV of cells that are made inert."""
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=separator).writerow(map(inert, cells))
    return buffer.getvalue()


def inert(cell: str) -> str:
    """Return a cell that spreadsheets take for text (OWASP, "CSV injection")."""
    return _FORMULA.sub("'", cell)
