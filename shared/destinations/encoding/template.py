"""Writing the JSON of a profile by a template: what stands before, between and behind its values.

It is stated once and written in two ways: here for one profile, in columns.py for many at once. Both
write the same bytes, because a profile counts as unchanged when its bytes are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson


@dataclass(frozen=True, slots=True)
class Group:
    """Values with commas between them, and what stands around them if there are any."""

    around: Mapping[
        str, tuple[str, str]
    ]  # a field's name -> what stands before its value, and behind
    opening: str = ""
    closing: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """`before`, the address, `between`, the groups, `after`."""

    before: str
    groups: Sequence[Group]
    after: str
    between: str = ""

    def text(self, address: str, values: Mapping[str, object]) -> bytes:
        """Return the JSON of a profile."""
        written = {name: _json(value) for name, value in values.items()}
        groups = "".join(_text(group, written) for group in self.groups)
        return f"{self.before}{_json(address)}{self.between}{groups}{self.after}".encode()


def member(name: str) -> tuple[str, str]:
    """Return what stands around the value of a member of an object."""
    return f"{_json(name)}:", ""


def _text(group: Group, written: Mapping[str, str]) -> str:
    there = [
        f"{before}{written[name]}{behind}"
        for name, (before, behind) in group.around.items()
        if name in written
    ]
    return f"{group.opening}{','.join(there)}{group.closing}" if there else ""


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
