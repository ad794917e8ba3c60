"""Queues the imports of an account, runs them one after the other, and never resubscribes anybody.

When an import begins and ends is settled as it is accepted; what it does is done as soon as somebody
looks after its end. So time may jump.
"""

import uuid
from array import array
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Self

import orjson

from local.sandbox.activecampaign.callbacks import Callback, Report
from local.sandbox.activecampaign.contacts import Contacts, FailedError, Rules
from local.sandbox.activecampaign.rules import truthy
from local.sandbox.activecampaign.settings import Ending, Settings

_KNOWN_AFTER = 1  # second: until then its status is the boolean false
_CLAIMED_FOR = 0.5  # seconds, our guess
_DAYS = 7


@dataclass(slots=True)
class Batch:
    """One accepted request; `contacts` is its JSON array without those that are excluded."""

    id: str
    contacts: bytes
    size: int
    created: float
    begins: float
    ends: float
    ending: Ending
    excludes_automations: bool
    callback: Callback | None
    success: array[int] = field(default_factory=lambda: array("I"))
    written: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)  # address and reason

    def status(self, now: float) -> str | bool:
        """What `import/info` says."""
        if now < self.created + _KNOWN_AFTER:
            return False
        if now < self.begins:
            return "waiting"
        if now < self.ends:
            return "claimed" if now < self.begins + _CLAIMED_FOR else "active"
        return self.ending


@dataclass(frozen=True)
class Order:
    """What an accepted request asks for."""

    contacts: list[dict[str, Any]]
    excluded: list[str]
    excludes_automations: bool
    callback: Callback | None

    @classmethod
    def of(cls, body: Mapping[str, Any], excluded: list[str]) -> Self:
        """Read a request that is valid."""
        skipped = set(excluded)
        return cls(
            [one for one in body["contacts"] if one["email"] not in skipped],
            excluded,
            truthy(body.get("exclude_automations")),
            Callback.of(body["callback"]) if "callback" in body else None,
        )


@dataclass
class Imports:
    """The batches of one account by id; those not yet done are also in the queue."""

    batches: dict[str, Batch] = field(default_factory=dict)
    endings: deque[Ending] = field(default_factory=deque)  # of the next batches, if not completed
    _queue: deque[Batch] = field(default_factory=deque)
    _completed: dict[str, list[int]] = field(default_factory=dict)  # a day's sizes
    _busy_until: float = 0

    def accept(self, order: Order, settings: Settings, now: float) -> Batch:
        """Queue an import."""
        begins = max(now + settings.start_delay, self._busy_until)
        size = len(order.contacts)
        self._busy_until = begins + size / settings.contacts_per_second
        batch = Batch(
            str(uuid.uuid4()),
            orjson.dumps(order.contacts),
            size,
            now,
            begins,
            self._busy_until,
            self.endings.popleft() if self.endings else "completed",
            order.excludes_automations,
            order.callback,
            failures=[(email, "Email is on the exclusion list") for email in order.excluded],
        )
        self.batches[batch.id] = batch
        self._queue.append(batch)
        return batch

    def run_due(
        self, contacts: Contacts, lists: Mapping[int, Any], settings: Settings, now: float
    ) -> Iterator[Report]:
        """Do what is over by now; yields what is to be posted to those that asked for it."""
        while self._queue and self._queue[0].ends <= now:
            batch = self._queue.popleft()
            _run(batch, contacts, lists, settings)
            if batch.ending != "completed":
                continue
            self._completed.setdefault(_day(batch.ends), []).append(batch.size)
            if batch.callback:
                due = batch.ends + settings.callback_delay
                yield Report(due, batch.id, batch.callback, batch.written, tuple(batch.failures))

    @property
    def waiting(self) -> int:
        """How many are not over."""
        return len(self._queue)

    def summary(self, now: float) -> dict[str, list[dict[str, str]]]:
        """The day totals of `import/bulk_import`; that a day is one of UTC is our guess."""
        outstanding: dict[str, list[int]] = {}
        for batch in self._queue:
            outstanding.setdefault(_day(batch.created), []).append(batch.size)
        since = _day(now - (_DAYS - 1) * 86_400)
        recent = {day: sizes for day, sizes in self._completed.items() if day >= since}
        return {"outstanding": _totals(outstanding), "recentlyCompleted": _totals(recent)}


def _day(time: float) -> str:
    return str(datetime.fromtimestamp(time, UTC).date())


def _totals(sizes: Mapping[str, list[int]]) -> list[dict[str, str]]:
    return [
        {"forDate": day, "batches": str(len(each)), "contacts": str(sum(each))}
        for day, each in sizes.items()
    ]


def _run(batch: Batch, contacts: Contacts, lists: Mapping[int, Any], settings: Settings) -> None:
    # Our guesses: an import that failed did nothing, one that was interrupted did half.
    portion = {"completed": batch.size, "interrupted": batch.size // 2, "failed": 0}
    rules = Rules(batch.ends, settings.contact_limit, batch.excludes_automations)
    for given in islice(orjson.loads(batch.contacts), portion[batch.ending]):
        try:
            contact, created = contacts.write(given, lists, rules)
        except FailedError as failed:
            batch.failures.append((given["email"], str(failed)))
        else:
            batch.written += 1
            if created or settings.success_lists == "all":
                batch.success.append(contact.id)
    batch.contacts = b""
