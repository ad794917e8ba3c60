"""What stands in a text and cannot be seen: blanks, controls, and what Unicode calls default-ignorable."""

import re
from collections.abc import Sequence

BLANKS = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
    "\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""What `str.strip` takes away."""

IGNORABLE = (  # Default_Ignorable_Code_Point, first and last
    (0xAD, 0xAD),
    (0x34F, 0x34F),
    (0x61C, 0x61C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
CONTROLS = ((0x00, 0x1F), (0x7F, 0x9F))  # first and last
_TURNS = ((0x202A, 0x202E), (0x2066, 0x2069))  # Unicode's embeddings, overrides and isolates
_RANGES = "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in (*IGNORABLE, *CONTROLS))
_INVISIBLE = re.compile(f"[{_RANGES}]++")  # `str.translate` takes up to eight times as long


def has_control(text: str) -> bool:
    """Say whether a control, such as a tab or a line end, stands in a text."""
    return not text.isprintable() and _has(text, CONTROLS)


def turns_letters(text: str) -> bool:
    """Say whether a text holds what shows letters in another order than theirs, also those behind the text.

    Such is explicit formatting (UAX 9), by which one name looks like another (CVE-2021-42574). Letters
    that are written from right to left, and the marks that such texts need, turn nothing.
    """
    return not text.isprintable() and _has(text, _TURNS)


def can_be_name(text: str) -> bool:
    """Say whether people see a name as it is: no control, nothing that turns letters, and not nothing."""
    return not has_control(text) and not turns_letters(text) and bool(without_invisible(text))


def _has(text: str, ranges: Sequence[tuple[int, int]]) -> bool:
    return any(first <= ord(each) <= last for each in text for first, last in ranges)


def without_invisible(text: str) -> str:
    """Return a text without what cannot be seen, and without blanks at its ends."""
    if text.isascii() and text.isprintable():
        return text.strip()
    return _INVISIBLE.sub("", text.strip()).strip()
