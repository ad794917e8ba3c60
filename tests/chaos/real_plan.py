"""What is going to happen, drawn from a seed: the same seed gives the same plan.

Only the plan is the same. Real processes, sockets and two cores decide what each blow meets, so a seed
that failed once may pass the next time; it gives the same kind of trouble at the same times.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

BEHIND, AHEAD = -20.0, 240.0  # seconds by which the clock of a host is ahead of the machine's

# How often each thing happens in half a minute; at least once, whatever the span.
RATES = {
    "land": 5,
    "ask": 4,
    "cancel": 3,
    "send_again": 3,
    "tick": 4,
    "refresh": 1,
    "crash": 1,
    "blackout": 1,
    "end_host": 1,
    "storage_stops": 1,
    "storage_hangs": 1,
    "limits_halved": 1,
    "limits_lowered": 1,
    "stray_429": 4,
    "storage_stops_at_a_look": 1,
    "clock_jumps": 1,
}
_ONE = 0.7  # share of the requests that are for one export; the others are for all at once
_VENDORS = ("mailchimp", "activecampaign")
_DELIVERIES = ("lost", "once", "once", "twice", "late")


@dataclass(frozen=True, order=True)
class Blow:
    """Something that happens `at` so many seconds after the beginning."""

    at: float
    kind: str
    how: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def told(self) -> str:
        """What it is, for people."""
        return " ".join([self.kind, *(f"{name}={value}" for name, value in self.how.items())])


def draw(dice: random.Random, seconds: float, exports: int, segments: int) -> list[Blow]:
    """Return a plan for so many seconds, in order."""
    blows = []
    lost = together = False
    for kind, rate in RATES.items():
        for _ in range(max(1, round(rate * seconds / 30))):
            how = _how(dice, kind, exports, segments)
            if kind == "land" and not lost:  # one event at least is lost
                how, lost = how | {"delivery": "lost"}, True
            if kind == "ask" and not together:  # and runs of one account begin at once
                how, together = how | {"exports": list(range(exports))}, True
            blows.append(Blow(round(dice.uniform(0.5, seconds), 2), kind, how))
    return sorted(blows)


def _how(dice: random.Random, kind: str, exports: int, segments: int) -> dict[str, Any]:
    match kind:
        case "land":
            delays = [round(dice.uniform(0, 3), 2) for _ in range(2)]
            delivery = dice.choice(_DELIVERIES)
            return {"segment": dice.randrange(segments), "delivery": delivery, "delays": delays}
        case "ask":
            asked = [dice.randrange(exports)] if dice.random() < _ONE else list(range(exports))
            return {"exports": asked, "everything": dice.random() < 0.2}
        case "cancel":
            return {"share": round(dice.random(), 3)}
        case "send_again":
            return {"share": round(dice.random(), 3), "times": dice.randint(1, 3)}
        case "tick":
            return {"hosts": dice.choice([[0], [1], [0, 1]])}
        case "refresh":
            return {"within": round(dice.uniform(0, 2), 2)}
        case "crash" | "end_host":
            return {
                "host": dice.randrange(2),
                "away": round(dice.uniform(0, 2), 2),
                "ahead": _clock(dice),
            }
        case "clock_jumps":
            return {"host": dice.randrange(2), "ahead": _clock(dice)}
        case "blackout":
            return {"ahead": [_clock(dice), _clock(dice)]}
        case "storage_stops" | "storage_hangs" | "storage_stops_at_a_look":
            return {"away": round(dice.uniform(1, 4), 2)}
        case "limits_halved" | "limits_lowered":
            return {"away": round(dice.uniform(3, 8), 2)}
        case "stray_429":
            return {"vendor": dice.choice(_VENDORS), "account": dice.choice((1, 2))}
    raise ValueError(kind)


def _clock(dice: random.Random) -> float:
    """Draw a clock: mostly right, else seconds behind or minutes ahead."""
    return dice.choice([0.0, 0.0, BEHIND, -3.0, 90.0, AHEAD])
