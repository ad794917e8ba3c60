"""Reads cells in which letters behind a backslash stand for line ends and tabs, and quotes mean nothing.

What `mariadb --batch`, PostgreSQL's `COPY` in its text format and ClickHouse write: each row on a line, tabs
between.
"""

import re
from collections.abc import Mapping

_MEANT: Mapping[str, str] = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "0": "",  # a NUL, which means nothing
    "b": "\b",
    "f": "\f",
    "v": "\v",
    "'": "'",  # ClickHouse
    "\\": "\\",
}
_ESCAPE = re.compile(r"\\([ntr0bfv'\\])")
_NULL = "N"


def is_written_with_letters(text: str) -> bool:
    """Say whether every backslash of a text with tabs is such an escape, and some is one of a backslash."""
    if "\\\\" not in text or text.startswith('"') or '\t"' in text or '\n"' in text:
        return False
    rest = _ESCAPE.sub("", text).replace(f"\\{_NULL}", "")
    return "\\" not in rest


def meant(cell: str) -> str:
    """Return what a cell means; a whole cell of `\\N`, which is null, stays as it is."""
    return _ESCAPE.sub(lambda escape: _MEANT[escape[1]], cell) if "\\" in cell else cell
