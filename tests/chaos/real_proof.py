"""What must be true once a world under chaos has come to rest."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import product

from shared.domain.run import Progress, Run, RunStatus, TriggerKind
from shared.runs.freshness import NOTHING_NEW
from tests.chaos.real_journal import Journal
from tests.chaos.real_segments import Name, Version
from tests.chaos.real_world import BATCHES, Sent, World
from tests.chaos.real_writes import Write, begun_between, older_after_newer

# Our own limits, which lie below the vendors': of ActiveCampaign five imports and two polls.
MOST_CONNECTIONS = {"mailchimp": BATCHES["mailchimp"][0], "activecampaign": 5 + 2}
_HEEDED = 2.5  # seconds in which a slice heeds a cancel: it looks once a second


def broken(world: World, journal: Journal) -> list[str]:
    """Return a line for each thing that is not as it must be."""
    found = list(journal.wrong)
    for export in world.exports:
        runs = world.records.runs(export.id)
        for run, progress in runs:
            found += [
                f"{told(run, progress)}: {each}" for each in _of_run(world, journal, run, progress)
            ]
        about = f"{export.vendor} {export.account} {export.id}"
        found += [f"{about}: {each}" for each in _of_list(world, journal, export, runs)]
    for vendor, account in product(BATCHES, (1, 2)):
        peak = world.statistics(vendor, account)["peak_connections"]
        if peak > MOST_CONNECTIONS[vendor]:
            found.append(f"{vendor} {account}: {peak} connections at once")
    for log in sorted((world.folder / "logs").glob("host-*.log")):
        if "AssertionError" in log.read_text(errors="replace"):
            found.append(f"an AssertionError in {log.name}")
    return found


def told(run: Run, progress: Progress) -> str:
    """Return what there is to say of a run in one line."""
    counts = {name: number for name, number in progress.counts.model_dump().items() if number}
    return (
        f"{run.id} {run.trigger.kind} {run.status} {progress.phase} {progress.rows_read} rows, "
        f"{progress.batches_done}/{progress.batches} batches, {counts}, resumes {run.resumes_at}"
    )


def _of_run(world: World, journal: Journal, run: Run, progress: Progress) -> Iterator[str]:
    canceled = run.status is RunStatus.CANCELED and run.id in journal.canceled
    nothing_new = run.status is RunStatus.SKIPPED and run.reason == NOTHING_NEW
    if not (run.status is RunStatus.SUCCESSFUL or canceled or nothing_new):
        yield f"ended so, and nothing of the plan explains it: {run.reason}"
    if progress.rows_read != progress.counts.total + progress.not_sent:
        yield f"{progress.counts.total} outcomes and {progress.not_sent} rows not sent"
    if progress.not_sent and not canceled:
        yield f"{progress.not_sent} rows not sent"
    if run.status is RunStatus.SUCCESSFUL:
        yield from _of_outcomes(_versions(world, run), progress)


def _of_outcomes(versions: list[Version], progress: Progress) -> Iterator[str]:
    counts = progress.counts
    expected = {
        "rows": (progress.rows_read, sum(each.rows for each in versions)),
        "accepted or unchanged": (
            counts.accepted + counts.unchanged,
            sum(len(each.names) for each in versions),
        ),
        "duplicate": (counts.duplicate, sum(each.duplicate for each in versions)),
        "invalid": (counts.invalid, sum(each.invalid for each in versions)),
        # Whether a vendor says that somebody left or gives no reason differs.
        "turned away": (
            counts.suppressed + counts.refused,
            sum(each.turned_away for each in versions),
        ),
        "unknown": (counts.unknown, 0),
    }
    for what, (found, right) in expected.items():
        if found != right:
            yield f"{found} {what}, not {right}"


def _of_list(
    world: World, journal: Journal, export: Sent, runs: list[tuple[Run, Progress]]
) -> Iterator[str]:
    held = world.held(export)
    newest = {
        address: name
        for segment in export.segments
        for address, name in segment.versions[-1].names.items()
    }
    stale = [address for address, name in newest.items() if held.get(address) != name]
    if stale:
        yield f"{len(stale)} of {len(newest)} are not as in the newest files, such as {stale[0]}"
    ever: dict[str, set[Name]] = defaultdict(set)
    for version in (each for segment in export.segments for each in segment.versions):
        for address, name in version.names.items():
            ever[address].add(name)
    odd = [address for address, name in held.items() if name not in ever.get(address, ())]
    if odd:
        yield f"{len(odd)} have names that no file gave them, such as {odd[0]}"
    for run, _ in runs:
        if run.status is RunStatus.SUCCESSFUL:
            told = {address for each in _versions(world, run) for address in each.names}
            if missing := told - held.keys():
                yield f"{len(missing)} that {run.id} calls accepted are not there"
    yield from _of_repeats(world, journal, export, runs)
    writes = world.writes(export)
    if older := older_after_newer(writes):
        address = older[0]
        yield f"{len(older)} profiles came older than they had come before, such as {address}"
    for run, _ in runs:
        yield from _of_cancel(journal, run, writes)
    if export.on_arrival:
        begun = {run.trigger.key.partition("|")[0] for run, _ in runs if _arrived(run)}
        landed = {each.path for segment in export.segments for each in segment.versions[1:]}
        if landed - begun:
            yield f"{sorted(landed - begun)} have landed and begun no run"


def _of_repeats(
    world: World, journal: Journal, export: Sent, runs: list[tuple[Run, Progress]]
) -> Iterator[str]:
    """Hold what was sent more often than needed against what may have been.

    A run needs to send once each profile of which it tells what the vendor made. A slice that a break of
    hosts or storage ends repeats at most what lay outside its checkpoint, which the journal has. Beside
    that, an answer that was lost after its batch had taken effect makes that one batch be sent again.
    Other faults happen before a batch takes effect, or to what only asks: they repeat nothing, however
    often they set a run back.
    """
    _, size = BATCHES[export.vendor]
    unknown = sum(progress.counts.unknown for _, progress in runs)
    needed = sum(progress.counts.told for _, progress in runs)
    lost = journal.lost_answers[export.vendor, export.account]
    in_flight = journal.in_flight[export.id]
    received = world.received(export)
    if received < needed - unknown:
        yield f"received {received} profiles, where runs tell of {needed - unknown}"
    yield from too_often(received, needed, in_flight, lost * size)


def too_often(received: int, needed: int, in_flight: int, lost: int) -> Iterator[str]:
    """Yield what is wrong with how many profiles a list was sent, of which so many had to be.

    `in_flight` were outside of checkpoints at breaks, and `lost` in requests whose answers were lost.
    """
    if received > needed + in_flight + lost:
        yield (
            f"received {received} profiles where {needed} were to be sent: {in_flight} in flight at "
            f"breaks and {lost} in requests whose answers were lost explain no more"
        )


def _of_cancel(journal: Journal, run: Run, writes: Sequence[Write]) -> Iterator[str]:
    """Once somebody was told that a run will be canceled, no batch of it is begun any more.

    As the runs of an export go one by one, all that its list is sent until the run is over is this run's.
    """
    heeded = journal.told_of_cancel.get(run.id, math.inf) + _HEEDED
    if late := begun_between(writes, heeded, journal.last_open.get(run.id, 0)):
        yield f"{late} batches of {run.id} were begun after it was canceled"


def _arrived(run: Run) -> bool:
    return run.trigger.kind is TriggerKind.ARRIVAL


def _versions(world: World, run: Run) -> list[Version]:
    by_name = {segment.name: segment for segment in world.segments}
    return [by_name[each.segment].version_at(each.path) for each in run.versions]
