"""What must hold after a simulation, whatever its plan was."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence, Set
from datetime import timedelta
from itertools import pairwise

from shared.domain.export import Export
from shared.domain.outcomes import Outcome, Reject
from shared.domain.run import Run, RunStatus, SliceMessage
from shared.domain.segment import SegmentVersion
from shared.runs.history import run_progress
from shared.storage.entries import ALL, DueTable, SettingsTable
from shared.storage.paths import CHECKPOINT
from tests.all_rejects import all_rejects
from tests.chaos.simulated_chaos import Chaos
from tests.chaos.simulated_files import Version, profiles_of
from tests.chaos.simulated_network import Write
from tests.chaos.simulated_repeats import Repeats

_ALLOWED = (RunStatus.SUCCESSFUL, RunStatus.SKIPPED, RunStatus.CANCELED)
_CLOCKS_APART = timedelta(seconds=10)
_REPLACED = "was replaced or removed while it was read"
_GIVEN_UP = "Given up: several tries in a row ended in the same way."
_HEEDED = 10.0  # seconds after which a slice that nothing has upset heeds a cancel


class Invariants:
    """What a simulation left behind, and what is wrong with it, in words. `repeats` is what came twice."""

    def __init__(self, chaos: Chaos) -> None:
        self._chaos = chaos
        self._world = chaos.world
        self._storage = chaos.world.storage
        self._writes: dict[str, list[Write]] = defaultdict(list)
        self._refused: dict[str, list[Write]] = defaultdict(list)
        self.repeats = Repeats(chaos.world)
        for write in chaos.world.book.writes:
            if write.accepted:
                self._writes[write.run].append(write)
            if write.refused:
                self._refused[write.run].append(write)

    async def broken_by_runs(self) -> list[str]:
        """Return what is wrong once all is quiet: runs, what is left over, and what was not sent."""
        runs = await self._world.runs()
        found = [each for run in runs async for each in self._of_run(run)]
        found += [f"{run.id}: {each}" for run in runs for each in self._of_end(run)]
        found += [f"{run.id}: {each}" for run in runs for each in self.repeats.broken(run)]
        found += [f"{run.id}: {each}" for run in runs for each in self._of_cancel(run)]
        found += [each for export in self._world.exports for each in self._of_order(export)]
        found += [
            each for export in self._world.exports.values() for each in self._of_news(export, runs)
        ]
        found += [f"left over: {each}" async for each in self._left_over(runs)]
        found += [f"two at once: {each}" for each in self._world.book.clashes]
        found += [f"surprise: {each}" for host in self._world.hosts for each in host.surprises]
        found += self._chaos.triggers.failures
        return [*found, *self._of_limits(), *self._of_poison()]

    def broken_by_lists(self) -> list[str]:
        """Return what is wrong with the lists after a refresh that nothing disturbed."""
        return [each for export in self._world.exports.values() for each in self._of_list(export)]

    def _of_end(self, run: Run) -> Iterator[str]:
        """A run fails only for what the plan explains: a file that came late, or was replaced meanwhile."""
        reason = str(run.reason)
        explained = _REPLACED in reason or self._came_late(run) or self._was_poisoned(run)
        if run.status not in _ALLOWED and not explained:
            yield f"ended as {run.status}: {reason}"

    def _came_late(self, run: Run) -> bool:
        return any(
            str(run.reason).startswith(f"The segment {segment.name} has no file")
            and (segment.since is None or run.created_at < segment.since + _CLOCKS_APART)
            for segment in self._world.segments
        )

    async def _of_run(self, run: Run) -> AsyncIterator[str]:
        """Rows read are the sum of outcomes, and those are what the vendor took and turned away.

        What was written arrived as the row has it, and nothing was told of the run once it was over.
        """
        progress = await run_progress(self._world.services, run)
        counts, rows = progress.counts, progress.rows_read
        if counts.total + progress.not_sent != rows:
            yield f"{run.id}: {rows} rows, {counts.total} outcomes, {progress.not_sent} not sent"
        if run.status is RunStatus.SUCCESSFUL:
            read = sum(version.rows for version in self._versions(run.versions))
            if (rows, progress.not_sent) != (read, 0):
                yield f"{run.id}: {rows} rows of {read}, {progress.not_sent} not sent"
        arrived: set[str] = set()
        expected = profiles_of(self._versions(run.versions))
        for write in self._writes[run.id]:
            arrived |= write.profiles.keys()
            for address, names in write.profiles.items():
                if names != expected.get(address):
                    yield f"{run.id}: {address} was sent as {names}, is {expected.get(address)}"
        rejects = await all_rejects(self._world.services, run)
        if any(counts.__dict__[outcome] != n for outcome, n in _told(rejects).items()):
            yield f"{run.id}: {counts} are not the rejects {_told(rejects)}"
        vendor = self._world.vendors[run.destination]
        unknown = {reject.address for reject in rejects if reject.outcome is Outcome.UNKNOWN}
        taken = {address for address in arrived - unknown if vendor.accepts(address)}
        if counts.accepted != len(taken):
            yield f"{run.id}: {counts.accepted} accepted, the vendor took {len(taken)}"
        turned_away = counts.suppressed + counts.refused
        least, most = len(arrived - unknown - taken), len(self._turned_away(run, arrived) - unknown)
        # A run that ended early may not have been told no in the end by whom it was told no at first.
        if not (most if run.status is RunStatus.SUCCESSFUL else least) <= turned_away <= most:
            yield f"{run.id}: {turned_away} turned away, by the vendor {least} to {most}"
        left = await self._storage.checkpoints.get(run.id, CHECKPOINT)
        by_the_run_alone = {"phase", "seconds"} if run.status is RunStatus.SUCCESSFUL else set()
        told = progress.model_dump(exclude=by_the_run_alone)
        if left and left.value.as_last_progress().model_dump(exclude=by_the_run_alone) != told:
            yield f"{run.id}: its checkpoint was written after it was over"

    def _turned_away(self, run: Run, arrived: Set[str]) -> Set[str]:
        """Return who was sent to the vendor, and not taken."""
        refused = {address for write in self._refused[run.id] for address in write.profiles}
        vendor = self._world.vendors[run.destination]
        return {address for address in arrived | refused if not vendor.accepts(address)}

    def _of_cancel(self, run: Run) -> Iterator[str]:
        """Once somebody was told that a run will be canceled, no batch of it is begun any more.

        But for what a process has under way that was paused. A destination may be asked something before
        it is sent a batch, so a batch that was begun before is seen a call or two later.
        """
        canceled = self._chaos.canceled.get(run.id)
        if canceled is None:
            return
        writes = [write for write in self._chaos.world.book.writes if write.run == run.id]
        heeded = canceled + _HEEDED + 2 * self._world.plan.latency
        begun = {address for write in writes if write.at < heeded for address in write.profiles}
        for write in writes:
            if (
                write.at >= heeded
                and not write.execution.paused
                and not write.profiles.keys() <= begun
            ):
                yield f"begins a batch {write.at - canceled:.0f} s after it was canceled"

    def _of_order(self, export: str) -> Iterator[str]:
        """Of two runs of an export one writes all that it writes before the other begins.

        But for what a process has under way that was paused.
        """
        order = [
            write.run
            for write in self._chaos.world.book.writes
            if write.run.partition(".")[0] == export and not write.execution.paused
        ]
        over: set[str] = set()
        for before, after in pairwise(order):
            if before != after:
                over.add(before)
                if after in over:
                    yield f"{after} writes again after {before} has begun to"

    def _of_news(self, export: Export, runs: Sequence[Run]) -> Iterator[str]:
        """The newest version of a segment has a run of each export that follows it."""
        if not export.on_arrival:
            return
        mine = [run for run in runs if run.export_id == export.id]
        for segment in self._world.segments:
            if segment.name not in export.segments or not segment.versions:
                continue
            newest = next(reversed(segment.versions))
            if not any(
                any(version.key == newest for version in run.versions) or run.trigger.key == newest
                for run in mine
            ):
                yield f"{export.id}: no run of the newest version, {newest}"

    def _of_list(self, export: Export) -> Iterator[str]:
        """A list holds the newest names of every profile of its segments, and nobody from elsewhere.

        But for what a process wrote last that had been paused: no vendor can tell that it has lost its
        lane, so what it has under way when it goes on may arrive after what its successor sent.
        """
        segments = [s for name in export.segments for s in self._world.segments if s.name == name]
        vendor = self._world.vendors[export.destination]
        number = int(str(export.connection_id).removeprefix("connection-"))
        holds = vendor.holds(self._world.plan.accounts[number][1], export.list_id)
        newest = [segment.newest for segment in segments]
        for address, names in profiles_of([each for each in newest if each]).items():
            wrong = vendor.accepts(address) and holds.get(address) != names
            if wrong and not self._was_written_late(export, address):
                yield f"{export.id}: {address} is {holds.get(address)} at the vendor, not {names}"
        ever = {
            address
            for segment in segments
            for version in segment.versions.values()
            for address in version.profiles
        }
        if strangers := holds.keys() - ever:
            yield f"{export.id}: the list holds strangers: {sorted(strangers)[:3]}"

    def _was_written_late(self, export: Export, address: str) -> bool:
        """Say whether a process that had been paused was the last to write an address in an account."""
        same = {
            each.id
            for each in self._world.exports.values()
            if each.connection_id == export.connection_id
        }
        writes = [
            write
            for write in self._chaos.world.book.writes
            if write.accepted and address in write.profiles and write.run.partition(".")[0] in same
        ]
        return bool(writes) and writes[-1].execution.paused

    async def _left_over(self, runs: Sequence[Run]) -> AsyncIterator[str]:
        """Yield what is there and should not be: only ended runs with their rejects and checkpoints.

        A place in the queue of a lane may be left of a run that is over: the next call of the lane drops
        it.
        """
        storage, known = self._storage, {run.id for run in runs}
        for number in range(len(self._world.plan.accounts)):
            for stored in await storage.active_runs.page(f"waiting-connection-{number}"):
                yield f"{stored.key} waits for a sign-in"
        for connection in await storage.connections.page(ALL):
            if connection.value.account is None:
                raise AssertionError("every connection was signed in")
            lane = self._world.services.destinations[connection.value.destination].lane(
                connection.value.account
            )
            if await storage.lanes.is_held(lane):
                yield f"the lane {lane}"
            for place in await storage.lane_queues.page(f"line-{lane}"):
                if place.value.run_id not in known:
                    yield f"{place.key} in the queue of its lane"
            if connection.value.reason:
                yield f"{connection.key} needs {connection.value.reason}"
        async for blob in storage.run_files.list():
            run_id, _, rest = blob.name.partition("/")
            if rest.startswith("parts/") or run_id not in known:
                yield blob.name
        for partition, records in (
            (ALL, storage.active_runs),
            (DueTable.OUTBOX, storage.webhook_outbox),
        ):
            for entry in await records.page(partition):
                yield f"the entry {entry.key} of {partition}"
        for cancel in await storage.bookmarks.page(SettingsTable.CANCELS):
            yield f"the sign to cancel {cancel.key}"

    def _of_limits(self) -> Iterator[str]:
        for vendor, most in self._world.book.most.items():
            allowed = self._world.services.destinations[vendor].limits.concurrency
            if most > allowed:
                yield f"{most} requests at once at {vendor}, {allowed} are allowed"

    def _of_poison(self) -> Iterator[str]:
        """A message is given up only if trouble of the plan ended each of its deliveries."""
        for message, endings in self._chaos.triggers.poisoned:
            if (
                "DIED" not in endings
                and not self._world.weather.met["operations that failed in an outage"]
            ):
                yield f"{message} was given up after {endings}"

    def _was_poisoned(self, run: Run) -> bool:
        poisoned = [message for message, _ in self._chaos.triggers.poisoned]
        return str(run.reason).startswith(_GIVEN_UP) and any(
            isinstance(each, SliceMessage) and each.run_id == run.id for each in poisoned
        )

    def _versions(self, versions: Sequence[SegmentVersion]) -> list[Version]:
        known = {key: each for s in self._world.segments for key, each in s.versions.items()}
        return [known[version.key] for version in versions]


def _told(rejects: Sequence[Reject]) -> Counter[str]:
    return Counter(str(reject.outcome) for reject in rejects)
