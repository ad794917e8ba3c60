"""Keeps the contacts of an account, compact enough for a million of them, as imports write them."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from local.sandbox.kit.state import packed

ACTIVE, UNSUBSCRIBED = "active", "unsubscribed"
_EMAIL = re.compile(r"[^@\s\"(),:;<>\[\]\\]+@(?:[^@\s.]+\.)+[^@\s.]{2,}")
_LONGEST = {"email": 80, "first_name": 50, "last_name": 50, "phone": 25}
_PLANNED = "unsubscribed+"  # the beginning of addresses that cannot be added
_CUSTOM = "cf:"
_MOST_CUSTOM = 25
_LONGEST_CUSTOM = 255


@dataclass(slots=True)
class Contact:
    """One person. `fields` is a JSON object of what has a value, the address excluded."""

    status: str
    fields: bytes
    lists: frozenset[str]
    writes: int = 0


@dataclass
class Result:
    """The counters of an import, and its messages."""

    total: int = 0
    people: int = 0
    errors: int = 0
    correctable: int = 0
    cannot_add: int = 0
    messages: list[tuple[int, str, str]] = field(default_factory=list)  # line, text, address


class Refused(Exception):
    """A contact that an import does not take."""


@dataclass
class Contacts:
    """The contacts of an account by address in lower case, and counts of what came in."""

    people: dict[str, Contact] = field(default_factory=dict)
    received: int = 0
    repeated: int = 0  # received for an address that had been received before

    def write(
        self, items: Sequence[Mapping[str, Any]], lists: frozenset[str], custom: frozenset[str]
    ) -> Result:
        """Do an import. Of two items with one address the last counts, as staff say of V2."""
        result = Result(total=len(items))
        last = {str(item.get("email", "")).strip().lower(): at for at, item in enumerate(items)}
        result.people = len(last)
        for address, at in last.items():
            self.received += 1
            try:
                self._write(address, items[at], lists, custom, result)
            except Refused as refused:
                result.messages.append((at + 1, str(refused), address))
        return result

    def _write(
        self,
        address: str,
        item: Mapping[str, Any],
        lists: frozenset[str],
        custom: frozenset[str],
        result: Result,
    ) -> None:
        if not _EMAIL.fullmatch(address):
            result.correctable += 1
            raise Refused("Invalid email")
        if problem := _problem(item, custom):
            result.errors += 1
            raise Refused(problem)
        known = self.people.get(address)
        if known is None:
            known = Contact(ACTIVE, b"{}", frozenset())
            if address.startswith(_PLANNED):
                known.status = UNSUBSCRIBED
            self.people[address] = known
        self.repeated += known.writes > 0
        known.writes += 1
        given = {name: value for name, value in item.items() if name != "email"}
        if known.fields != b"{}":
            given = orjson.loads(known.fields) | given
        # Our guess: an empty text clears a field.
        known.fields = packed({name: value for name, value in given.items() if value != ""})
        if known.status == UNSUBSCRIBED:
            result.cannot_add += 1
            raise Refused("Contact is unsubscribed")
        if not lists <= known.lists:
            known.lists |= lists

    def forget_counts(self) -> None:
        """Start counting anew; the contacts stay."""
        self.received = self.repeated = 0
        for contact in self.people.values():
            contact.writes = 0

    def statuses(self) -> Counter[str]:
        """How many contacts there are of each status."""
        return Counter(contact.status for contact in self.people.values())


def _problem(item: Mapping[str, Any], custom: frozenset[str]) -> str | None:
    for name, longest in _LONGEST.items():
        if len(str(item.get(name, ""))) > longest:
            return f"{name} is too long"
    if len(item) <= len(_LONGEST):  # most have no other field
        return None
    own = {name: value for name, value in item.items() if name.startswith(_CUSTOM)}
    if len(own) > _MOST_CUSTOM:
        return "Too many custom fields"
    for name, value in own.items():
        if name.removeprefix(_CUSTOM) not in custom:
            return "Unknown custom field"
        if len(str(value)) > _LONGEST_CUSTOM:
            return "Custom field is too long"
    return None
