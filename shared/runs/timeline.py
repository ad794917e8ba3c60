"""The sentences of a run's timeline that count rows and profiles, and that tell how fast they are sent."""

from collections.abc import Callable, Iterable, Mapping

from shared.domain.message import Message, say, say_count
from shared.domain.outcomes import Outcome
from shared.domain.run import Checkpoint, Progress, Run
from shared.transport.pace import Change

_TENTH = 10

_SO_MANY: Mapping[Outcome, Callable[[int], Message]] = {
    Outcome.ACCEPTED: lambda count: say_count("{count} accepted", "{count} accepted", count),
    Outcome.UNCHANGED: lambda count: say_count("{count} unchanged", "{count} unchanged", count),
    Outcome.DUPLICATE: lambda count: say_count("{count} duplicate", "{count} duplicate", count),
    Outcome.INVALID: lambda count: say_count("{count} invalid", "{count} invalid", count),
    Outcome.SUPPRESSED: lambda count: say_count("{count} suppressed", "{count} suppressed", count),
    Outcome.REFUSED: lambda count: say_count("{count} refused", "{count} refused", count),
    Outcome.UNKNOWN: lambda count: say_count("{count} unknown", "{count} unknown", count),
}


def prepared(checkpoint: Checkpoint) -> Message:
    """Return what is to be sent of what was read."""
    return say(
        "Read {rows}; {profiles} to send.",
        rows=_rows(checkpoint.rows_read),
        profiles=say_count("{count} profile", "{count} profiles", checkpoint.profiles),
    )


def rejects_left_out(found: Checkpoint, most: int) -> Message | None:
    """Say how many rejects are kept of rows that were never sent; None if that is all of them."""
    unsent = found.counts.invalid + found.counts.duplicate
    if unsent <= most:
        return None
    return say(
        "{rows} that are invalid or duplicate: the first {most} are kept as rejects, the others counted.",
        rows=_rows(unsent),
        most=most,
    )


def done(checkpoint: Checkpoint) -> Message:
    """Return what became of all rows."""
    return say(
        "Done: {rows} read: {outcomes}.",
        rows=_rows(checkpoint.rows_read),
        outcomes=_outcomes(checkpoint),
    )


def warning(progress: Progress) -> Message | None:
    """Return what to look at though the run was successful: more than a tenth of its rows are invalid."""
    if progress.counts.invalid * _TENTH <= progress.rows_read:
        return None
    return say(
        "{invalid} of {rows}: look at the rejects.",
        invalid=_SO_MANY[Outcome.INVALID](progress.counts.invalid),
        rows=_rows(progress.rows_read),
    )


def canceled(progress: Progress) -> Message:
    """Return what became of all rows of a run that was canceled."""
    not_sent = say_count("{count} not sent", "{count} not sent", progress.not_sent)
    return say(
        "Canceled: {rows} read: {outcomes}.",
        rows=_rows(progress.rows_read),
        outcomes=(*_outcomes(progress), not_sent),
    )


def paced(run: Run, changes: Iterable[Change], title: str) -> Run:
    """Return the run with the changes of its pace on its timeline, but those that it has said already."""
    slow = say(
        "{destination} refuses too many requests. It is asked more slowly for a while.",
        destination=title,
    )
    back = say("{destination} is asked at full speed again.", destination=title)
    for change in changes:
        said = [event.text for event in run.timeline if event.text in (slow, back)]
        if change.slow is not (slow in said[-1:]):
            run = run.noting(change.at, slow if change.slow else back)
    return run


def _outcomes(progress: Progress) -> tuple[Message, ...]:
    counts = [(each, getattr(progress.counts, each)) for each in Outcome]
    return tuple(_SO_MANY[outcome](count) for outcome, count in counts if count)


def _rows(count: int) -> Message:
    return say_count("{count} row", "{count} rows", count)
