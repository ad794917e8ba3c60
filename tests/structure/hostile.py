"""Long texts that are hostile to a regular expression, made of what the expression itself names."""

import re
from collections.abc import Iterator, Sequence
from itertools import product

_MOST_WORDS = 4
_MOST_UNITS = 16
_CLASSES = {"d": "0", "w": "a", "s": " ", "S": "a", "W": " ", "D": "a"}
_ALWAYS = ["a", "0", " ", "\u200b", "é", "@", ".", '"', "\\", "\n"]
"""What each is tried with, whatever it names."""
_ENDS = ("", "\x00", "@é.")

type Parts = tuple[str, str, str]
"""A beginning, what is repeated behind it, and an end that may make a match fail at last."""


def units(pattern: str | bytes) -> Sequence[str]:
    """Return the words of a pattern, and a character of each of its classes and each that it names."""
    text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
    words = re.findall(r"[a-zA-Z0-9<>/:@=_-]{3,}", text)[:_MOST_WORDS]
    classes = [_CLASSES[each] for each in re.findall(r"\\([dwsSWD])", text)]
    ranges = [each[0] for each in re.findall(r"[a-zA-Z0-9]-[a-zA-Z0-9]", text)]
    marks = [each for each in text if not each.isalnum() and each not in "()?:{}*"]
    return list(dict.fromkeys([*words, *classes, *ranges, *_ALWAYS, *marks]))[:_MOST_UNITS]


def hostile(pattern: str | bytes) -> Iterator[Parts]:
    """Yield the parts of texts that may take a pattern long."""
    found = units(pattern)
    pairs = [first + second for first, second in product(found, found) if first != second]
    for unit, end in product([*found, *pairs], _ENDS):
        yield "", unit, end
    for begin, unit in product(found, found):
        yield begin, unit, "\x00"


def text_of(parts: Parts, length: int) -> str:
    """Return the text of some length that is made of such parts."""
    begin, unit, end = parts
    return begin + (unit * (length // len(unit) + 1))[:length] + end
