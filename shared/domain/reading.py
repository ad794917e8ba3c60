"""How a segment's files are read: what people have said about it (its reading), and what was found."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from enum import StrEnum

from pydantic import BaseModel, Field


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

    delimiter: str | None = Field(
        None, description="What separates the cells of CSV: a comma, a semicolon, a tab or a |."
    )
    encoding: str | None = Field(
        None, description="A name or label of the WHATWG list, such as windows-1252."
    )
    escape: Escape | None = Field(None, description="How a quote within quotes is written.")
    nulls: Sequence[str] | None = Field(
        None, description="What stands for an empty cell, beside \\N."
    )
    decimal: str | None = Field(
        None, description="What stands before the fraction of a number: a point or a comma."
    )
    dates: Mapping[str, DateOrder] | None = Field(
        None, description="Column: the order of day, month and year in it."
    )

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

    delimiter: str = Field(",", description="What separates the cells.")
    encoding: str = Field("utf-8", description="As the WHATWG calls it.")
    escape: Escape = Field(Escape.DOUBLED, description="How a quote within quotes is written.")
    quoted: bool = Field(
        default=True, description="Whether a quote at the beginning of a cell means anything."
    )
    preamble: str | None = Field(
        None,
        description="What a line before the header begins with that is no row: sep= or #TYPE.",
    )
