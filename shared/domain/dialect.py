"""A dialect: how the text of a file with columns turned out to be written."""

from pydantic import BaseModel

from shared.domain.reading import Escape


class Dialect(BaseModel, frozen=True):
    """What was found out of a file, or was told; the defaults are those of RFC 4180 in UTF-8."""

    delimiter: str = ","
    encoding: str = "utf-8"  # as the WHATWG calls it
    escape: Escape = Escape.DOUBLED
    quoted: bool = True  # whether a quote at the beginning of a cell means anything
    preamble: str | None = (
        None  # what a line before the header begins with that is no row: sep=, #TYPE
    )
