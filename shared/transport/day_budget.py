"""What is kept between slices of how much a lane may ask: requests of today, and how slow to be.

A day's requests are counted before they are made, in blocks that grow with use: no request is made
that was not counted, and no more are counted in vain than were made. Several can share a quota, such as
a slice and somebody who looks for a list, so the record is changed under its ETag. People have a tenth
of it, and leave the rest to runs.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

from shared.domain.clock import Clock
from shared.domain.errors import DailyQuotaExhausted, TryLater
from shared.domain.message import say
from shared.storage.entries import Quota, SettingsTable
from shared.storage.guarded_update import Contended, guarded_update
from shared.storage.ports import Records
from shared.telemetry import metrics
from shared.transport.share import LEAST, Share

_LARGEST_BLOCK = 32
_TRIES = 10
_PEOPLE = 10  # one request of so many


class DayBudget:
    """The requests that a lane may still make today."""

    def __init__(
        self,
        records: Records[Quota],
        clock: Clock,
        lane: str,
        destination: str,
        title: str,
        per_day: int,
        *,
        of_people: bool = False,
    ) -> None:
        self._records = records
        self._clock = clock
        self._lane = lane
        self._destination = destination
        self._title = title
        self._per_day = per_day
        self._of_people = of_people
        self._block = 1
        self._left = 0
        self._day = date.min

    async def spend(self) -> None:
        """Count one request; raise DailyQuotaExhausted when none is left."""
        today = self._clock.now().date()
        if self._day != today or not self._left:
            self._day, self._left = today, await self._take(today)
        self._left -= 1

    async def _take(self, today: date) -> int:
        used = taken = 0

        def more(now: Quota) -> Quota:
            nonlocal used, taken
            used, by_people = (now.used, now.by_people) if now.day == today else (0, 0)
            left = self._per_day - used
            if self._of_people:
                left = min(left, self._most_of_people - by_people)
            taken = min(self._block, left)
            if taken <= 0:
                raise self._exhausted(self._per_day - used > 0)
            by_people += taken if self._of_people else 0
            return now.model_copy(
                update={"day": today, "used": used + taken, "by_people": by_people}
            )

        await change(self._records, self._lane, more)
        metrics.quota_used(self._destination, (used + taken) / self._per_day)
        self._block = min(2 * self._block, _LARGEST_BLOCK)
        return taken

    @property
    def _most_of_people(self) -> int:
        return max(self._per_day // _PEOPLE, 1)

    def _exhausted(self, are_left_to_runs: bool) -> DailyQuotaExhausted:
        after = seconds_to_tomorrow(self._clock.now())
        if are_left_to_runs:
            reason = say(
                "All {requests} requests that people may make to {destination} in a day are used up. "
                "The others are kept for runs.",
                requests=self._most_of_people,
                destination=self._title,
            )
        else:
            reason = say(
                "All {requests} requests that {destination} allows in a day are used up.",
                requests=self._per_day,
                destination=self._title,
            )
        return DailyQuotaExhausted(reason, after)


async def used_today(records: Records[Quota], lane: str, now: datetime) -> int:
    """Return how many of a lane's requests of today are used up."""
    stored = await records.get(SettingsTable.QUOTAS, lane)
    return stored.value.used if stored and stored.value.day == now.date() else 0


async def share_of(records: Records[Quota], lane: str, now: datetime) -> Share:
    """Return what the last slice on this lane left of the share of the limits.

    One that was kept without an instant fades from now on.
    """
    stored = await records.get(SettingsTable.QUOTAS, lane)
    return _share(stored.value, now) if stored else Share()


async def keep_share(records: Records[Quota], lane: str, before: Share, after: Share) -> None:
    """Keep the share that a slice ends with, unless what it began with was forgotten meanwhile."""

    def keep(now: Quota) -> Quota:
        return _with(now, after) if _share(now, before.at) == before else now

    await change(records, lane, keep)


async def forget_share(records: Records[Quota], lane: str, now: datetime) -> None:
    """Let the next slice ask at the published limits, also if one is under way that is slower."""
    await change(records, lane, lambda quota: _with(quota, Share(at=now)))


def _share(quota: Quota, now: datetime) -> Share:
    size = min(max(1 / quota.slowness, LEAST), 1.0)
    return Share(size, quota.slowness_at or now, quota.halvings, quota.refusals)


def _with(quota: Quota, share: Share) -> Quota:
    kept = {
        "slowness": 1 / share.size,
        "slowness_at": share.at,
        "halvings": share.halvings,
        "refusals": share.refusals,
    }
    return quota.model_copy(update=kept)


async def change(records: Records[Quota], lane: str, how: Callable[[Quota], Quota]) -> None:
    """Change what is kept of a lane, whoever else does the same."""
    try:
        await guarded_update(
            records, SettingsTable.QUOTAS, lane, Quota, lambda now: how(now.value), _TRIES
        )
    except Contended:
        raise TryLater(say("Too many are asking the destination at once.")) from None


def seconds_to_tomorrow(now: datetime) -> float:
    """Return how long it is to the next 00:00 UTC, and a little for clocks that differ."""
    tomorrow = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
    return (tomorrow - now).total_seconds() + 5
