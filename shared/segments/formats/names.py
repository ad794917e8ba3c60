"""Says under which name a column is compared: without what cannot be seen, in Unicode's form NFC."""

import unicodedata
from collections.abc import Sequence

from shared.domain.message import Message, say
from shared.invisible import without_invisible

_NAMED = 20  # columns or fields that a refusal names
_SHOWN = 100  # characters of each: a file that is taken apart wrongly may be nothing but a header
_LONGEST = 300  # characters, as BigQuery allows; bringing n accents into order takes n² steps


def column_name(written: str) -> str:
    """Return the name of a column from how a file or a person writes it.

    One that is longer than any database allows stays as it is.
    """
    if len(written) > _LONGEST or (written.isascii() and written.isprintable()):
        return written.strip()
    return unicodedata.normalize("NFC", without_invisible(written))


def it_has(names: Sequence[str]) -> Message:
    """Return what to say of the columns or fields that there are, where one of them was looked for."""
    if not names:
        return say("It has none.")
    shown = tuple(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…" for name in names[:_NAMED])
    more = len(names) - _NAMED
    if more > 0:
        return say("It has: {names} and {more} more.", names=shown, more=more)
    return say("It has: {names}.", names=shown)
