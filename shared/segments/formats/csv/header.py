"""Takes the header of a CSV file, or says why its first line is none."""

import re
from collections.abc import Sequence

from shared.domain.email import is_address, normal_form
from shared.domain.errors import BadSegment
from shared.domain.message import Message, say
from shared.segments.formats.names import column_name

_BETWEEN = re.compile(r"[\s,;:|<>()\[\]{}\"'^~]++")
_ANNOTATION = "@odata."  # of Microsoft's APIs, behind the name of a column


def header_of(path: str, cells: Sequence[str]) -> list[str]:
    """Return the names of columns; raise BadSegment for a row that holds an address.

    No cell of such a row is named: it is a person's.
    """
    if any(_holds_address(cell) for cell in cells if "@" in cell):
        raise BadSegment(
            say(
                "{path}: The first line is not a header. Write the names of the columns on a line "
                "before the first profile, and add the file again. Nothing was sent.",
                path=path,
            )
        )
    return [column_name(cell) for cell in cells]


def nul_in_header() -> Message:
    """Return what to say of a NUL in the names of columns."""
    return say(
        "there is a NUL character, as UTF-16 has them. Save it as CSV UTF-8 and add it again, or say in "
        "the segment's reading how it is encoded"
    )


def no_text_in_header(encoding: str) -> Message:
    """Return what to say of bytes in the names of columns that are no text; it quotes nothing of them."""
    return say(
        "in the name of a column is a character that is not {encoding}. Save it as CSV UTF-8 and add it "
        "again, or say in the segment's reading how it is encoded",
        encoding=encoding.upper(),
    )


def _holds_address(cell: str) -> bool:
    return any(
        "@" in word and _ANNOTATION not in word.lower() and is_address(normal_form(word.strip(".")))
        for word in _BETWEEN.split(cell)
    )
