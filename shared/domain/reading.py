"""How a segment's files are read: what people have said about it (its reading), and what was found."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from enum import StrEnum

from pydantic import BaseModel


class Escape(StrEnum):
    """How a quote inside quotes is written."""

    DOUBLED = "doubled"
    BACKSLASH = "backslash"


class DateOrder(StrEnum):
    """In which order day, month and year stand in a date of numbers."""

    DMY = "dmy"
    MDY = "mdy"
    YMD = "ymd"


class Reading(BaseModel, frozen=True):
    """How a segment is read, as far as somebody has said so; whatever is None is found out."""

    delimiter: str | None = None  # one of , ; tab |
    encoding: str | None = None  # a label of domain.encodings, such as windows-1252
    escape: Escape | None = None
    nulls: Sequence[str] | None = None  # what stands for an empty cell
    decimal: str | None = None  # . or ,
    dates: Mapping[str, DateOrder] | None = None  # by column

    @property
    def digest(self) -> str:
        """What tells this reading from every other one."""
        said = self.model_dump(mode="json", exclude_none=True)
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


class SegmentReading(BaseModel, frozen=True):
    """What people have said about how one segment is read."""

    segment: str
    reading: Reading


class Dialect(BaseModel, frozen=True):
    """What was found out of a file, or was told; the defaults are those of RFC 4180 in UTF-8."""

    delimiter: str = ","
    encoding: str = "utf-8"  # as the WHATWG calls it
    escape: Escape = Escape.DOUBLED
    quoted: bool = True  # whether a quote at the beginning of a cell means anything
    preamble: str | None = (
        None  # what a line before the header begins with that is no row: sep=, #TYPE
    )
