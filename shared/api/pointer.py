"""Writes the way to a member of a body as a JSON pointer (RFC 6901)."""

from collections.abc import Iterable


def pointer(members: Iterable[str | int], longest: int | None = None) -> str:
    """Return the pointer that leads through these members, such as `/fields/email`.

    Of each step `longest` characters are kept.
    """
    return "".join(f"/{_escaped(str(member))[:longest]}" for member in members)


def _escaped(name: str) -> str:
    name = name.encode(errors="replace").decode()  # JSON can hold half a pair, which no answer can
    return name.replace("~", "~0").replace("/", "~1")
