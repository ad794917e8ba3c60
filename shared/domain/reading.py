"""A segment's reading: what people have said about how its files are to be read."""

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
    encoding: str | None = None  # a name of the WHATWG list, such as windows-1252
    escape: Escape | None = None
    nulls: Sequence[str] | None = None  # what stands for an empty cell
    decimal: str | None = None  # . or ,
    dates: Mapping[str, DateOrder] | None = None  # by column
