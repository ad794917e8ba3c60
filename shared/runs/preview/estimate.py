"""Estimating how long a run takes, as far as that can be known before it begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from shared.destinations.model import Limits
from shared.domain.message import Message, say
from shared.transport.day_budget import seconds_to_tomorrow
from shared.transport.pace import interval

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Estimate:
    """The seconds from the first request of a run to its last answer, if the assumptions hold."""

    seconds: int
    assumptions: Sequence[Message]


def estimate(limits: Limits, requests: int, used_today: int, now: datetime) -> Estimate:
    """Return how long so many requests take at a destination's limits.

    `used_today` is what was used up of `limits.requests_per_day` already.
    """
    assumptions = [
        say("A request takes {seconds} seconds.", seconds=str(limits.seconds_a_request)),
        say(
            "The run begins at once, and nobody else uses the account. What the destination does "
            "after the last request is not counted."
        ),
    ]
    if limits.requests_per_day is None:
        return Estimate(ceil(_seconds(limits, requests)), assumptions)
    left = max(0, limits.requests_per_day - used_today)
    assumptions.append(
        say(
            "Of {requests} requests that may be made in a day, {left} are left today.",
            requests=limits.requests_per_day,
            left=left,
        )
    )
    if requests <= left:
        return Estimate(ceil(_seconds(limits, requests)), assumptions)
    days, last = divmod(requests - left - 1, limits.requests_per_day)
    waits = seconds_to_tomorrow(now) + days * _DAY
    return Estimate(ceil(waits + _seconds(limits, last + 1)), assumptions)


def _seconds(limits: Limits, requests: int) -> float:
    """Return how long requests take within a day."""
    if not requests:
        return 0.0
    apart = limits.seconds_a_request / limits.concurrency
    apart = max([apart, *(interval(rate) for rate in limits.rates)])
    return (requests - 1) * apart + limits.seconds_a_request
