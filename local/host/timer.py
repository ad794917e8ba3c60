"""Runs timer triggers: one host at a time per function, never two runs at once, one catch-up.

As the Azure host does: a lease per function in the host's container decides which host keeps the
clock, a status blob remembers the last run, and a host that takes the clock over after a missed
tick runs the function once with `IsPastDue`, however many ticks were missed. A run that takes
longer than the period is followed by one run at once. A failed run waits for the next tick.
"""

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob.aio import ContainerClient

from local.host import cron
from local.host.clock import pause
from local.host.lease import Lease, exclusive
from local.host.protos import TypedData
from local.host.storage import full_name, host_id
from local.host.worker import Function, invoke

log = logging.getLogger("host.timer")

LOOK_AGAIN = 1.0  # seconds between looks at a taken or lost lease


def _now() -> datetime:
    return datetime.now(UTC)


class TimerListener:
    """The clock of one timer function.

    Raises ValueError for a schedule that cannot be read or never occurs.
    """

    def __init__(self, function: Function, container: ContainerClient, lease_seconds: int) -> None:
        self._function = function
        self._schedule = cron.parse(function.trigger["schedule"])
        name = full_name(function.name)
        self._lock = container.get_blob_client(f"locks/{host_id()}/{name}.Listener")
        self._status = container.get_blob_client(f"timers/{host_id()}/{name}/status")
        self._lease_seconds = lease_seconds
        self._last: datetime | None = None
        self._due = self._schedule.next(_now())

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep the clock, or wait for another host to lose it, until told to stop."""
        while not stopping.is_set():
            try:
                async with exclusive(self._lock, self._lease_seconds) as lease:
                    if lease:
                        await self._keep_clock(lease, stopping)
            except AzureError as error:
                log.warning("%s: %s", self._function.name, error)
            await pause(stopping, LOOK_AGAIN)

    async def by_hand(self, _text: str = "") -> None:
        """Run the function now, whatever the clock says."""
        await self._invoke(past_due=False)

    async def _keep_clock(self, lease: Lease, stopping: asyncio.Event) -> None:
        past_due = await self._resume()
        if self._function.trigger.get("runOnStartup"):
            await self._tick(past_due=False)
        while lease.held and not stopping.is_set():
            wait = (self._due - _now()).total_seconds()
            if wait > 0:
                await pause(stopping, min(wait, LOOK_AGAIN))
            else:
                await self._tick(past_due)
            past_due = False

    async def _resume(self) -> bool:
        """Take up the schedule where the last host left it; say whether a tick was missed."""
        now = _now()
        recorded = await self._recorded() if self._monitored() else None
        self._due = self._schedule.next(recorded or now)
        if self._monitored() and recorded is None:
            await self._record()
        return self._due <= now

    async def _tick(self, past_due: bool) -> None:
        began = _now()
        await self._invoke(past_due)
        self._last, self._due = began, self._schedule.next(began)
        if self._monitored():
            await self._record()

    async def _invoke(self, past_due: bool) -> None:
        info = {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": self._document() if self._monitored() else None,
            "IsPastDue": past_due,
        }
        await invoke(self._function, TypedData(json=json.dumps(info)))

    def _monitored(self) -> bool:
        """Whether runs are recorded: unless switched off, or more often than every minute."""
        following = self._schedule.next(self._due) - self._due
        return self._function.trigger.get("useMonitor") is not False and following >= timedelta(
            minutes=1
        )

    def _document(self) -> dict[str, str | None]:
        return {
            "Last": self._last.isoformat() if self._last else None,
            "Next": self._due.isoformat(),
            "LastUpdated": (self._last or _now()).isoformat(),
        }

    async def _record(self) -> None:
        await self._status.upload_blob(json.dumps(self._document()), overwrite=True)

    async def _recorded(self) -> datetime | None:
        """Return when the function last ran, or was first seen; None when it never was."""
        try:
            stream = await self._status.download_blob()
        except ResourceNotFoundError:
            return None
        status = json.loads(await stream.readall())
        if status["Last"]:
            self._last = datetime.fromisoformat(status["Last"])
        return self._last or datetime.fromisoformat(status["LastUpdated"])
