"""Metrics, by the names that alerts and the workbook read; docs/operations.md says what each one is."""

from collections.abc import Mapping

from opentelemetry import metrics

_meter = metrics.get_meter("segment_exports")
_profiles = _meter.create_counter("segment_exports.profiles", "{row}")
_requests = _meter.create_counter("segment_exports.requests", "{request}")
_slice_seconds = _meter.create_histogram("segment_exports.slice.seconds", "s")
_lane_waits = _meter.create_counter("segment_exports.lane.waits", "{wait}")
_queue_age = _meter.create_gauge("segment_exports.queue.age", "s")
_schedule_lag = _meter.create_gauge("segment_exports.schedule.lag", "s")
_quota_used = _meter.create_gauge("segment_exports.quota.used", "1")


def slice_worked(destination: str, seconds: float, outcomes: Mapping[str, int]) -> None:
    """Report how long a slice worked, and how many rows got which outcome in it."""
    _slice_seconds.record(seconds, {"destination": destination})
    for outcome, rows in outcomes.items():
        if rows:
            _profiles.add(rows, {"destination": destination, "outcome": outcome})


def request(destination: str, verdict: str) -> None:
    """Report a request to a destination and what its answer meant."""
    _requests.add(1, {"destination": destination, "verdict": verdict})


def lane_wait(destination: str) -> None:
    """Report that a slice found its lane taken."""
    _lane_waits.add(1, {"destination": destination})


def queue_age(queue: str, seconds: float) -> None:
    """Report for how long the oldest message of a queue has been due."""
    _queue_age.set(seconds, {"queue": queue})


def schedule_lag(seconds: float) -> None:
    """Report how far the refresh is behind its schedule."""
    _schedule_lag.set(seconds)


def quota_used(destination: str, share: float) -> None:
    """Report the share of a day's requests that is used up."""
    _quota_used.set(share, {"destination": destination})
