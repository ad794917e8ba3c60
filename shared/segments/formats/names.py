"""Says under which name a column is compared: without what cannot be seen, in Unicode's form NFC."""

import unicodedata
from collections.abc import Sequence

from shared.domain.message import Message, say

_NAMED = 20  # columns or fields that a refusal names

# Unicode's Default_Ignorable_Code_Point beside those of the categories Cf and Cc.
_IGNORABLE = frozenset(
    chr(code)
    for first, last in (
        (0x34F, 0x34F),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x2065, 0x2065),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),
        (0xFFA0, 0xFFA0),
        (0xFFF0, 0xFFF8),
        (0x1D173, 0x1D17A),
        (0xE0000, 0xE0FFF),
    )
    for code in range(first, last + 1)
)


def column_name(written: str) -> str:
    """Return the name of a column from how a file or a person writes it."""
    if written.isascii() and written.isprintable():
        return written.strip()
    seen = "".join(each for each in written if not _is_unseen(each))
    return unicodedata.normalize("NFC", seen).strip()


def it_has(names: Sequence[str]) -> Message:
    """Return what to say of the columns or fields that there are, where one of them was looked for."""
    if not names:
        return say("It has none.")
    shown, more = tuple(names[:_NAMED]), len(names) - _NAMED
    if more > 0:
        return say("It has: {names} and {more} more.", names=shown, more=more)
    return say("It has: {names}.", names=shown)


def _is_unseen(character: str) -> bool:
    if character.isspace():
        return False  # a blank of any kind, or a line end in a quoted name
    return character in _IGNORABLE or unicodedata.category(character) in ("Cf", "Cc")
