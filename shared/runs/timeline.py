"""The sentences of a run's timeline that count rows and profiles, and what became of them."""

from collections.abc import Callable, Mapping

from shared.domain.message import Message, say, say_count
from shared.domain.outcomes import Outcome
from shared.domain.run import Checkpoint, Progress

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


def done(checkpoint: Checkpoint) -> Message:
    """Return what became of all rows."""
    return say(
        "Done: {rows} read: {outcomes}.",
        rows=_rows(checkpoint.rows_read),
        outcomes=_outcomes(checkpoint),
    )


def canceled(progress: Progress) -> Message:
    """Return what became of all rows of a run that was canceled."""
    not_sent = say_count("{count} not sent", "{count} not sent", progress.not_sent)
    return say(
        "Canceled: {rows} read: {outcomes}.",
        rows=_rows(progress.rows_read),
        outcomes=(*_outcomes(progress), not_sent),
    )


def _outcomes(progress: Progress) -> tuple[Message, ...]:
    counts = [(each, getattr(progress.counts, each)) for each in Outcome]
    return tuple(_SO_MANY[outcome](count) for outcome, count in counts if count)


def _rows(count: int) -> Message:
    return say_count("{count} row", "{count} rows", count)
