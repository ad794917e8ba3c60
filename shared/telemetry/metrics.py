"""Metrics, by the names that alerts and the workbook read; docs/operations.md says what each one is."""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from opentelemetry import metrics
from opentelemetry.metrics import Observation

_meter = metrics.get_meter("segment_exports")


class _Gauge:
    """A gauge that tells each value once.

    OpenTelemetry's own repeats its last value for as long as the process lives: a timer that has stopped
    would look like one that runs, and yesterday's quota like today's.
    """

    def __init__(self, name: str, unit: str) -> None:
        self._said: deque[Observation] = deque(maxlen=100)  # nobody takes them if none is exported
        _meter.create_observable_gauge(name, [self._take], unit)

    def set(self, value: float, **attributes: str) -> None:
        """Tell a value; of several between two exports the last one counts."""
        self._said.append(Observation(value, attributes))

    def _take(self, _options: Any) -> Iterator[Observation]:
        while self._said:
            yield self._said.popleft()


_profiles = _meter.create_counter("segment_exports.profiles", "{row}")
_requests = _meter.create_counter("segment_exports.requests", "{request}")
_slice_seconds = _meter.create_histogram("segment_exports.slice.seconds", "s")
_lane_waits = _meter.create_counter("segment_exports.lane.waits", "{wait}")
_halvings = _meter.create_counter("segment_exports.pace.halvings", "{halving}")
_queue_age = _Gauge("segment_exports.queue.age", "s")
_poison_messages = _Gauge("segment_exports.poison.messages", "{message}")
_schedule_lag = _Gauge("segment_exports.schedule.lag", "s")
_quota_used = _Gauge("segment_exports.quota.used", "1")


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


def pace_halved(destination: str) -> None:
    """Report that an account is asked at half the pace because it refused too much."""
    _halvings.add(1, {"destination": destination})


def queue_age(queue: str, seconds: float) -> None:
    """Report for how long the oldest message of a queue has been due."""
    _queue_age.set(seconds, queue=queue)


def poison_messages(queue: str, messages: int) -> None:
    """Report how many messages that were given up lie in a queue."""
    _poison_messages.set(messages, queue=queue)


def schedule_lag(seconds: float) -> None:
    """Report how far the refresh is behind its schedule."""
    _schedule_lag.set(seconds)


def quota_used(destination: str, share: float) -> None:
    """Report the share of a day's requests that is used up."""
    _quota_used.set(share, destination=destination)
