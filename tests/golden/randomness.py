"""Telling what is random in a text from what is not: it differs when the same story is told again."""

import re
from collections.abc import Sequence

# Where something may be random: in the end of an id, a number in hexadecimal, base64, or a signed token.
_MAYBE = re.compile(
    r"(?<=\b[0-9a-f]{12})[0-9a-f]{16}\b"
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]+"
    r"|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
    r"|\b(?![0-9a-f]{28}\b)[0-9a-f]{12,}\b"
    r"|(?<![\w-])[\w-]{43}(?![\w-])"
)


def without(told: Sequence[str], again: Sequence[str]) -> list[str]:
    """Return texts with what differs in them replaced by numbers, in the order of first appearance.

    Raise AssertionError where they differ in anything that is not known to be random.
    """
    numbers: dict[str, str] = {}
    return [_numbered(one, other, numbers) for one, other in zip(told, again, strict=True)]


def _numbered(one: str, other: str, numbers: dict[str, str]) -> str:
    assert _MAYBE.split(one) == _MAYBE.split(other), f"not the same each time:\n{one}\n{other}"
    others = iter(_MAYBE.findall(other))

    def number(found: re.Match[str]) -> str:
        if found[0] == next(others):
            return found[0]
        return numbers.setdefault(found[0], f"<{len(numbers) + 1}>")

    return _MAYBE.sub(number, one)
