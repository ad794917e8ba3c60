"""Queues imports, does them one after another, and tells of them for ten days.

Nothing runs by itself: what is to have been done by now is done when somebody asks, so that a clock which
jumps works as well as one that goes.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from local.sandbox.constant_contact.contacts import Contacts, Result
from local.sandbox.constant_contact.settings import Ending, Settings

KEPT = 10 * 86_400  # seconds that an activity is told of
_SOME = 2  # messages, however many errors there are; V2 was seen to do that
_ORDER = uuid.UUID("86b90820-cc52-11ea-9dad-fa163e3d9194")  # so that ids are the same in every run


@dataclass
class Activity:
    """One import. `body` is dropped when it is done."""

    id: str
    created: float
    starts: float
    ends: float
    size: int  # contacts that were kept of the request
    lists: frozenset[str]
    body: bytes
    ending: Ending
    result: Result | None = None

    def state(self, now: float) -> str:
        """Return what the API calls it at a time."""
        if now < self.starts:
            return "initialized"
        return "processing" if now < self.ends else self.ending

    def as_json(self, now: float, messages: str) -> dict[str, Any]:
        """Return what the API tells of it."""
        done = min(1.0, max(0.0, (now - self.starts) / max(self.ends - self.starts, 1e-9)))
        result = self.result or Result()
        shown: dict[str, Any] = {
            "activity_id": self.id,
            "state": self.state(now),
            "created_at": _iso(self.created),
            "updated_at": _iso(min(max(self.created, now), self.ends)),
            "percent_done": max(1, int(100 * done)),
            "activity_errors": _messages(result, messages),
            "status": {
                "items_total_count": self.size,
                "items_completed_count": int(self.size * done),
                "person_count": result.people,
                "error_count": result.errors,
                "correctable_count": result.correctable,
                "cannot_add_to_list_count": result.cannot_add,
            },
            "_links": {"self": {"href": f"/v3/activities/{self.id}"}},
        }
        if now >= self.starts:
            shown["started_at"] = _iso(self.starts)
        if now >= self.ends:
            shown["completed_at"] = _iso(self.ends)
        return shown


@dataclass
class Activities:
    """The imports of one account, oldest first."""

    all: list[Activity] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)  # of the next ones
    _settled: int = 0

    def add(
        self, body: bytes, size: int, lists: Sequence[str], settings: Settings, now: float
    ) -> Activity:
        """Queue an import behind those that wait."""
        free = self.all[-1].ends if self.all else now
        starts = max(now + settings.start_delay, free)
        activity = Activity(
            id=str(uuid.uuid5(_ORDER, f"{id(self)} {len(self.all)}")),
            created=now,
            starts=starts,
            ends=starts + size / settings.contacts_per_second,
            size=size,
            lists=frozenset(lists),
            body=body,
            ending=self.endings.pop(0) if self.endings else "completed",
        )
        self.all.append(activity)
        return activity

    def settle(self, contacts: Contacts, custom: frozenset[str], now: float) -> None:
        """Do what is to have been done by now."""
        while self._settled < len(self.all) and self.all[self._settled].ends <= now:
            activity = self.all[self._settled]
            if activity.ending == "completed":
                items = orjson.loads(activity.body)["import_data"][: activity.size]
                activity.result = contacts.write(items, activity.lists, custom)
            activity.body = b""
            self._settled += 1

    def waiting(self, now: float) -> int:
        """How many are not over."""
        return sum(activity.ends > now for activity in self.all[self._settled :])

    def told(self, now: float, state: str | None) -> list[Activity]:
        """Return those that the collection shows, the newest first (our guess)."""
        recent = [one for one in reversed(self.all) if one.created > now - KEPT]
        return [one for one in recent if state is None or one.state(now) == state]


def _messages(result: Result, how: str) -> list[str]:
    if how == "none":
        return []
    told = result.messages if how != "some" else result.messages[:_SOME]
    if how == "addresses":
        return [f"{address}: {text}" for _, text, address in told]
    return [f"Line {line}: {text}" for line, text, _ in told]


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
