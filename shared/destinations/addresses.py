"""Finds email addresses in the words of a destination, in time that grows with their length alone."""

import re
from collections.abc import Sequence

# Nothing is tried twice: where such a piece ends, the next begins.
_PIECE = re.compile(r'[^\s"<>(),:;\[\]]++')
_WORD = re.compile(r"\S++")
_LONGEST = 10_000  # characters; what is longer is no sentence about anybody


def addresses_in(text: str) -> Sequence[str]:
    """Return what looks like an address: anything around an @, up to blanks and most marks.

    In a text that is longer than any message nothing is looked for.
    """
    if len(text) > _LONGEST:
        return ()
    return [piece for piece in _PIECE.findall(text) if _is_around_at(piece)]


def without_addresses(text: str, longest: int) -> str:
    """Return the beginning of a text, `longest` characters, with "…" for each word that holds an address."""
    kept: list[str] = []
    left = longest
    for found in _WORD.finditer(text[:_LONGEST]):
        word = "…" if _is_around_at(found[0]) else found[0]
        kept.append(word)
        left -= len(word) + 1
        if left < 0:
            break
    return " ".join(kept)[:longest]


def _is_around_at(piece: str) -> bool:
    return "@" in piece[1:-1]
