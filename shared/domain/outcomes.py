"""What became of each row of a run, and how many there were of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel

from shared.domain.message import Message


class Outcome(StrEnum):
    """What became of one row. For every finished run, rows read = the sum of these."""

    ACCEPTED = "accepted"  # the destination has it
    UNCHANGED = "unchanged"  # not sent: the destination was told the same last time
    DUPLICATE = "duplicate"  # not sent: an earlier row has the same address
    INVALID = "invalid"  # not sent: our own rules refuse it
    SUPPRESSED = "suppressed"  # the person, or the destination's compliance rules, said no
    REFUSED = "refused"  # the destination said no for any other reason
    UNKNOWN = "unknown"  # the destination would not say


class Counts(BaseModel):
    """How many rows of a run had which outcome."""

    accepted: int = 0
    unchanged: int = 0
    duplicate: int = 0
    invalid: int = 0
    suppressed: int = 0
    refused: int = 0
    unknown: int = 0

    @property
    def total(self) -> int:
        """The rows that have an outcome already."""
        return sum(getattr(self, outcome) for outcome in Outcome)

    @property
    def told(self) -> int:
        """The profiles that were sent, and whose outcome is known."""
        return self.accepted + self.suppressed + self.refused + self.unknown

    def plus(self, more: Mapping[Outcome, int]) -> "Counts":
        """Return these counts with `more` added."""
        return Counts(**{o: getattr(self, o) + more.get(o, 0) for o in Outcome})

    def since(self, before: "Counts") -> Mapping[str, int]:
        """Return how many rows got each outcome after `before`."""
        return {o.value: getattr(self, o) - getattr(before, o) for o in Outcome}


class Reject(NamedTuple):
    """A row that was not accepted: where it stands, its address, and why.

    A tuple, because a file may have a million of them.
    """

    segment: str
    row: int  # as a spreadsheet numbers it: the header is row 1; 0 when nobody can tell
    address: str  # empty when nobody can tell
    outcome: Outcome
    code: str
    reason: Message | str  # ours, or the destination's own words
    file: str = ""  # of a segment that came as several files


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What a destination said of one profile that it did not accept.

    `index` counts within the batch; it is None when the destination tells how many profiles it did
    not accept but not which.
    """

    index: int | None
    outcome: Outcome
    code: str
    reason: Message | str  # ours, or the destination's own words


REJECT_COLUMNS = ("segment", "row", "address", "outcome", "code", "reason", "file")
