"""The segments of a simulation: versions whose every row is known, and what of them must arrive."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

type Names = tuple[str, str]
"""First and last name of a profile."""

FAKE = "@fake.example"
"""How addresses end that Mailchimp's sandbox refuses."""

GONE = "unsubscribed+"
"""How addresses begin whose owners have unsubscribed, as every sandbox takes it."""

ODD = "refused+"
"""How addresses begin for which ActiveCampaign's sandbox refuses the whole request."""


@dataclass(frozen=True)
class Version:
    """One version: how many rows it has, and the profiles that count, by address."""

    rows: int
    profiles: Mapping[str, Names]
    text: str = field(repr=False)


@dataclass
class Segment:
    """A segment and its versions by key, the newest last.

    An address is in one segment only, but for a few with the same names in all of them.
    """

    number: int
    chance: random.Random
    versions: dict[str, Version] = field(default_factory=dict)
    since: datetime | None = None  # when the first version landed
    _profiles: dict[str, Names] = field(default_factory=dict)
    _made: int = 0
    _drawn: int = 0

    @property
    def name(self) -> str:
        return f"Segment{self.number}"

    @property
    def newest(self) -> Version | None:
        """The newest version; None before the first."""
        return next(reversed(self.versions.values()), None)

    def next(self) -> tuple[str, Version]:
        """Draw the next version, and the path that it is written to."""
        chance, profiles = self.chance, self._profiles
        self._drawn += 1
        for address in chance.sample(sorted(profiles), len(profiles) // 10):
            del profiles[address]
        for address in chance.sample(sorted(profiles), len(profiles) // chance.choice((2, 5, 20))):
            # From so few names that some come back: what was sent in between must not be forgotten.
            profiles[address] = (f"First{chance.randrange(2)}", f"Last{chance.randrange(2)}")
        for _ in range(chance.randint(0, 40) if profiles else chance.randint(40, 160)):
            self._made += 1
            (kind,) = chance.choices(("", GONE, ODD), (95, 4, 1))
            domain = FAKE if chance.random() < 0.02 else "@example.com"
            address = f"{kind}user{self._made}of{self.number}{domain}"
            profiles[address] = (f"First{chance.randrange(2)}", f"Last{chance.randrange(2)}")
        for number in range(5):
            profiles[f"both{number}@example.com"] = ("Both", f"Last{number}")
        path = f"{self.name}/{chance.choice((1, self._drawn))}.csv"
        return path, self._written()

    def _written(self) -> Version:
        rows = [f"{address},{first},{last}" for address, (first, last) in self._profiles.items()]
        self.chance.shuffle(rows)
        for again in self.chance.sample(rows, 3):
            rows.append(f"{again.partition(',')[0].upper()},Second,Row")
        for number in range(self.chance.randint(0, 4)):
            bad = self.chance.choice((f"nobody{number},A,B", "too,many,fields,here", ",A,B"))
            rows.insert(self.chance.randrange(len(rows)), bad)
        text = "\n".join(["Email,First,Last", *rows, ""])
        return Version(len(rows), dict(self._profiles), text)


def profiles_of(versions: Sequence[Version]) -> Mapping[str, Names]:
    """Return the profiles of an export of several segments: of two with one address the first counts."""
    joined: dict[str, Names] = {}
    for version in versions:
        joined = {**version.profiles, **joined}
    return joined
