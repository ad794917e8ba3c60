"""What is to happen in one simulation, drawn from its seed before it begins."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

VENDORS = ("mailchimp", "activecampaign", "constant_contact")
LISTS = 3
"""The lists of each account: every export has one of its own, so that what it must hold is known."""

_STRAYS = 7


class Kind(StrEnum):
    """What can happen at a time that the plan names; the rest happens at a rate."""

    LAND = "a new version lands"
    RUN = "a run on demand"
    RUN_ALL = "all are run"
    CANCEL = "a run is canceled"
    OUTAGE = "storage is stopped"
    VAULT = "the vault is stopped"
    LIMITS = "limits are halved"
    LOWERED = "a vendor lowers its limits"
    STRAY = "a stray 429"
    PAUSE = "a host is paused"
    STEP = "a clock is set"
    LEAP = "all clocks leap"
    KILL = "a host is killed"
    ILL = "a vendor is ill"


@dataclass(frozen=True)
class Happening:
    """One of them: `at` and `seconds` in seconds, `about` the number of a segment, export, host or vendor."""

    at: float
    kind: Kind
    about: int = 0
    seconds: float = 0


@dataclass(frozen=True)
class PlannedExport:
    """An export: the numbers of its account and of its segments, and whether a new file runs it."""

    account: int
    segments: tuple[int, ...]
    on_arrival: bool


@dataclass(frozen=True)
class Plan:
    """Everything about a simulation that is settled before it begins."""

    seed: int
    minutes: int  # of chaos
    hosts: int
    accounts: tuple[tuple[str, int], ...]  # vendor, and number of the account there
    segments: int
    exports: tuple[PlannedExport, ...]
    happenings: tuple[Happening, ...] = field(repr=False)
    refresh_at: int  # minutes after the beginning
    slice_seconds: int
    life: int  # operations that a process lives for on average
    hidden: int  # seconds until a message comes back whose receiver died
    latency: float  # seconds that a call of a vendor takes
    connections: int  # to Mailchimp at once, as the setting has it
    stalled: float  # share of the writes of a slice that sends before which its process is paused

    def __str__(self) -> str:
        told = [
            f"{each.at / 60:6.1f} min {each.kind} ({each.about}, {each.seconds:.0f} s)"
            for each in self.happenings
        ]
        return "\n".join([repr(self), *told])

    def stream(self, name: str) -> random.Random:
        """Return chance of its own for one purpose, so that a change elsewhere leaves it as it is."""
        return random.Random(f"{self.seed} {name}")  # noqa: S311 - troubles, not secrets


def plan_of(seed: int) -> Plan:
    """Draw a plan."""
    chance = random.Random(seed)  # noqa: S311 - troubles, not secrets
    every = [(vendor, number) for vendor in VENDORS for number in (1, 2)]
    accounts = tuple(chance.sample(every, chance.randint(1, 3)))
    segments, minutes, hosts = chance.randint(1, 3), chance.randint(60, 180), chance.randint(2, 3)
    return Plan(
        seed=seed,
        minutes=minutes,
        hosts=hosts,
        accounts=accounts,
        segments=segments,
        exports=(exports := _exports(chance, len(accounts), segments)),
        happenings=_happenings(chance, seed, minutes * 60, segments, len(exports), hosts),
        refresh_at=chance.randint(10, minutes - 5),
        slice_seconds=chance.choice((10, 30, 60, 240)),
        life=chance.choice((200, 500, 1000, 3000)),
        hidden=chance.choice((30, 120, 600)),
        latency=chance.choice((1, 2, 8, 20)),
        connections=chance.choice((1, 8)),
        stalled=chance.choice((0, 0.01, 0.03)),
    )


def _exports(chance: random.Random, accounts: int, segments: int) -> tuple[PlannedExport, ...]:
    free = [account for account in range(accounts) for _ in range(LISTS)]
    chance.shuffle(free)
    return tuple(
        PlannedExport(
            account,
            tuple(chance.sample(range(segments), min(segments, chance.choice((1, 1, 2))))),
            chance.random() < 0.8,
        )
        for account in free[: chance.randint(2, 6)]
    )


def _happenings(
    chance: random.Random, seed: int, seconds: int, segments: int, exports: int, hosts: int
) -> tuple[Happening, ...]:
    """Draw what happens, in the order of time; there is a file of each segment soon."""
    drawn = [Happening(chance.uniform(1, 300), Kind.LAND, each) for each in range(segments)]

    def draw(kind: Kind, most: int, about: int = 1, least: float = 0, longest: float = 0) -> None:
        for _ in range(chance.randint(0, most)):
            happening = Happening(
                chance.uniform(60, seconds),
                kind,
                chance.randrange(about),
                chance.uniform(least, longest),
            )
            drawn.append(happening)

    draw(Kind.LAND, 8, segments)
    draw(Kind.RUN, 4, exports)
    draw(Kind.RUN_ALL, 1)
    draw(Kind.CANCEL, 6)
    draw(Kind.OUTAGE, 3, 1, 5, 400)
    draw(Kind.VAULT, 1, 1, 5, 120)
    draw(Kind.LIMITS, 2, 1, 300, 1800)
    draw(Kind.PAUSE, 4, hosts, 30, 400)
    draw(Kind.STEP, 4, hosts, -4, 4)
    draw(Kind.LEAP, 1, 1, 60, 900)
    draw(Kind.KILL, 4, hosts)
    draw(Kind.ILL, 3, len(VENDORS), 60, 600)
    drawn += _refusals(seed, seconds)
    return tuple(sorted(drawn, key=lambda each: each.at))


def _refusals(seed: int, seconds: int) -> Iterator[Happening]:
    """Draw, from chance of its own, when vendors lower their limits, and refuse some requests for nothing."""
    chance = random.Random(f"{seed} refusals")  # noqa: S311 - troubles, not secrets
    for _ in range(chance.randint(0, 2)):
        at, about = chance.uniform(60, seconds), chance.randrange(len(VENDORS))
        yield Happening(at, Kind.LOWERED, about, chance.uniform(120, 900))
    for _ in range(chance.randint(0, 3)):
        at, about = chance.uniform(60, seconds), chance.randrange(len(VENDORS))
        for _ in range(chance.randint(1, _STRAYS)):  # within a minute
            yield Happening(at + chance.uniform(0, 60), Kind.STRAY, about)
