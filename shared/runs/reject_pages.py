"""Reading a run's rejects page by page, for who may edit its export; a page looks through so much at most."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from shared.domain.audit import Action, Actor
from shared.domain.email import normal_form
from shared.domain.outcomes import Outcome, Reject
from shared.domain.people import Caller
from shared.domain.run import Checkpoint, Run
from shared.exports.manage import find_to_edit
from shared.people.audit_trail import record_hourly
from shared.runs.history import checkpoint_of, find_run
from shared.runs.state.rejects import cut_address, reject_lines, reject_of
from shared.services import Services
from shared.storage.ports import Missing

_PLACE = re.compile(r"([0-9]{1,9}):([0-9]{1,9})")
_MOST_BYTES = 4 * 1024 * 1024  # of stored lines that one page looks through
SEARCHING = 0.15
"""Seconds after which a search begins no other file: half of what its answer may take."""


@dataclass(frozen=True, slots=True)
class RejectFilter:
    """Which rejects somebody wants to see; None is all."""

    outcome: Outcome | None = None
    code: str | None = None
    segment: str | None = None
    address: str | None = None  # the whole of it, in any spelling

    def predicate(self) -> Callable[[Sequence[Any]], bool]:
        """Return what says whether the values of a stored line are wanted."""
        address = None if self.address is None else cut_address(normal_form(self.address))
        wanted = [(0, self.segment), (2, address), (3, self.outcome), (4, self.code)]
        asked = [(index, value) for index, value in wanted if value is not None]
        return lambda values: all(values[index] == value for index, value in asked)


async def open_rejects(services: Services, caller: Caller, run_id: str) -> Run:
    """Return the run whose rejects somebody is about to read, and record that they do.

    They hold addresses, which leave the app here. Paging through them is told of once an hour. Raise
    NotFound, or NotAllowed for who may not edit the export.
    """
    run = await find_run(services, run_id)
    export = await find_to_edit(services, caller, run.export_id, None)
    by = Actor.of(caller.person)
    await record_hourly(services, by, Action.REJECTS_VIEWED, export.value, run=run.id)
    return run


async def read_rejects(
    services: Services,
    run: Run,
    after: str,
    wanted: RejectFilter,
    take: Callable[[Reject], bool],
    seconds: float,
) -> str | None:
    """Hand the wanted rejects behind `after` to `take`, and return where the next page begins, if any.

    The page ends at the one for which `take` returns False, which is on the next page, or when enough was
    looked through: after so many seconds no other file is begun. `after` is empty or what an earlier page
    ended with; anything else is the beginning.
    """
    checkpoint = await checkpoint_of(services, run)
    ends = services.clock.monotonic() + seconds
    fits, looked = wanted.predicate(), 0
    number, first = _place(after)
    while _is_left(checkpoint, number, first):
        lines = await _lines(services, run, checkpoint, number)
        for at in range(first, len(lines)):
            values = orjson.loads(lines[at])
            looked += len(lines[at])
            if looked > _MOST_BYTES or (fits(values) and not take(reject_of(values))):
                return f"{number}:{at}"
        number, first = number + 1, 0
        if services.clock.monotonic() >= ends and _is_left(checkpoint, number, first):
            return f"{number}:{first}"
    return None


async def _lines(
    services: Services, run: Run, checkpoint: Checkpoint, number: int
) -> Sequence[bytes]:
    """Return the lines of a file; none of one that was removed, as operators do who forget a person."""
    try:
        return await reject_lines(services.storage.run_files, run.id, checkpoint, number)
    except Missing:
        return []


def _is_left(checkpoint: Checkpoint, number: int, first: int) -> bool:
    """Say whether any line may be there from this place on."""
    files = len(checkpoint.reject_files)
    return number < files or (number == files and first < len(checkpoint.rejects))


def is_first_page(after: str) -> bool:
    """Say whether a page that begins behind `after` is the first."""
    return _place(after) == (0, 0)


def _place(after: str) -> tuple[int, int]:
    """Return the number of a file and of a line in it."""
    found = _PLACE.fullmatch(after)
    return (int(found[1]), int(found[2])) if found else (0, 0)
