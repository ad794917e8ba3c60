"""Keeps the contacts of an account, compact enough for a million of them (some 400 bytes each)."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from local.sandbox.activecampaign.rules import TEXTS, importable, number, planned, truthy
from local.sandbox.kit.state import packed

UNCONFIRMED, ACTIVE, UNSUBSCRIBED, BOUNCED = range(4)
STATUSES = {
    "unconfirmed": UNCONFIRMED,
    "active": ACTIVE,
    "unsubscribed": UNSUBSCRIBED,
    "bounced": BOUNCED,
}

type Lists = tuple[tuple[int, int], ...]
"""The lists a contact is on, each with its status there."""


class FailedError(Exception):
    """One contact of an import is not written. The words are our guess; the vendor's are unknown."""


@dataclass(slots=True)
class Contact:
    """One contact; `values` is a JSON object of what it has, custom fields in `fields` by id."""

    id: int
    email: str
    values: bytes
    lists: Lists
    tags: tuple[str, ...]
    created: float
    changed: float
    bounced: bool = False
    writes: int = 0
    automations: int = 0  # how often an import let them run


@dataclass(frozen=True, slots=True)
class Rules:
    """How an import writes its contacts."""

    now: float
    limit: int | None = None  # of contacts in the account
    excludes_automations: bool = False


@dataclass
class Contacts:
    """Contacts by address and by id, and counts of what was imported since they were reset."""

    by_email: dict[str, Contact] = field(default_factory=dict)
    _by_id: list[Contact] = field(default_factory=list)
    received: int = 0
    repeated: int = 0  # received for an address that had been received before
    automations: int = 0  # how often imports let them run
    failed: Counter[str] = field(default_factory=Counter)
    _shared: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._by_id)

    def find(self, email: str) -> Contact | None:
        """The contact with an address."""
        return self.by_email.get(email.lower())

    def numbered(self, contact_id: int) -> Contact | None:
        """The contact with an id."""
        return self._by_id[contact_id - 1] if 0 < contact_id <= len(self._by_id) else None

    def after(self, contact_id: int) -> Iterator[Contact]:
        """The contacts with greater ids."""
        return (self._by_id[index] for index in range(max(0, contact_id), len(self._by_id)))

    def put(self, email: str, values: Mapping[str, Any], now: float, **more: Any) -> Contact:
        """Have a contact there without an import, in the place of one with its address."""
        known = self.find(email)
        number = known.id if known else len(self._by_id) + 1
        contact = Contact(number, email, packed(values), (), (), now, now, **more)
        self._add(contact)
        return contact

    def clear(self) -> None:
        """Remove every contact; their ids begin anew."""
        self.by_email.clear()
        self._by_id.clear()

    def forget_counts(self) -> None:
        """Start counting anew; the contacts stay."""
        self.received = self.repeated = self.automations = 0
        self.failed.clear()
        for contact in self._by_id:
            contact.writes = contact.automations = 0

    def write(
        self, given: Mapping[str, Any], lists: Mapping[int, Any], rules: Rules
    ) -> tuple[Contact, bool]:
        """Create or update one contact, and count it; returns it and whether it is new.

        Raises FailedError. A contact that may not be subscribed is not changed at all: our guess.
        """
        email: str = given["email"]
        key = email.lower()
        known = self.by_email.get(key)
        self.received += 1
        if (known and known.writes) or key in self.failed:
            self.repeated += 1
        try:
            return self._written(known, given, lists, rules), known is None
        except FailedError:
            self.failed[key] += 1
            raise

    def _written(
        self,
        known: Contact | None,
        given: Mapping[str, Any],
        lists: Mapping[int, Any],
        rules: Rules,
    ) -> Contact:
        email = given["email"]
        _check(email, known)
        after = _after(known.lists if known else (), given, lists)
        if known is None:
            if rules.limit is not None and len(self._by_id) >= rules.limit:
                raise FailedError("Account contact limit reached")
            known = Contact(len(self._by_id) + 1, email, b"{}", (), (), rules.now, rules.now)
            self._add(known)
        known.values = packed(_merged(known.values, given))
        known.lists = self._one(after)
        if given.get("tags"):
            known.tags = self._one(tuple(dict.fromkeys((*known.tags, *given["tags"]))))
        known.changed = rules.now
        known.writes += 1
        if not (rules.excludes_automations or truthy(given.get("exclude_automations"))):
            known.automations += 1
            self.automations += 1
        return known

    def _add(self, contact: Contact) -> None:
        key = contact.email.lower()
        # Two equal strings would be kept for every contact otherwise.
        self.by_email[contact.email if key == contact.email else key] = contact
        if contact.id > len(self._by_id):
            self._by_id.append(contact)
        else:
            self._by_id[contact.id - 1] = contact

    def _one[T: tuple[Any, ...]](self, value: T) -> T:
        """Keep equal tuples once: most contacts are on the same lists."""
        kept: T = self._shared.setdefault(value, value)
        return kept


def _check(email: str, known: Contact | None) -> None:
    if not importable(email):
        raise FailedError("Invalid email address")
    if (known and known.bounced) or planned(email) == "bounced":
        raise FailedError("Contact has bounced")


def _after(before: Lists, given: Mapping[str, Any], lists: Mapping[int, Any]) -> Lists:
    """The lists a contact is on once `given` is written. Raises FailedError."""
    after = dict(before)
    for list_id in _ids(given, "subscribe", lists):
        status = after.get(list_id)
        if status == UNSUBSCRIBED or planned(given["email"]) == "unsubscribed":
            raise FailedError("Contact has unsubscribed from the list")
        if status == BOUNCED:
            raise FailedError("Contact has bounced")
        after[list_id] = ACTIVE
    for list_id in _ids(given, "unsubscribe", lists):
        after[list_id] = UNSUBSCRIBED
    return tuple(after.items())


def _ids(given: Mapping[str, Any], name: str, lists: Mapping[int, Any]) -> list[int]:
    ids = []
    for one in given.get(name, ()):
        list_id = number(one["listid"])
        if list_id is None or list_id not in lists:
            # Our guess: the contact fails, not the request.
            raise FailedError(f"List {list_id} does not exist")
        ids.append(list_id)
    return ids


def _merged(values: bytes, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a contact has once `given` is written: an empty string overwrites, absence does not."""
    merged: dict[str, Any] = orjson.loads(values)
    merged |= {name: given[name] for name in TEXTS if name in given}
    if given.get("fields"):
        # Our guess: ids of fields that the account does not have do no harm.
        fields = {str(number(one["id"])): one["value"] for one in given["fields"]}
        merged["fields"] = {**merged.get("fields", {}), **fields}
    return merged
