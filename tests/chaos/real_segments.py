"""The files that land while chaos reigns, and what each of them should lead to."""

import random
from dataclasses import dataclass, field

HEADER = "ProfileId,EMail,FirstName,LastName,City\r\n"
_FIRST_NAMES = ("Ann", "Éva", "Łukasz", "李", "Zoë", "María José")
_KEPT, _CHANGED, _NEW = 0.97, 0.4, 0.08  # shares of the profiles of the version before

type Name = tuple[str, str]
"""First and last name."""


@dataclass(frozen=True)
class Version:
    """One file: the names that lists are to have by address, and how many rows turn out otherwise."""

    path: str
    names: dict[str, Name]
    duplicate: int
    invalid: int
    turned_away: int  # by the vendor: every sandbox takes these people for unsubscribed

    @property
    def rows(self) -> int:
        """How many rows the file has."""
        return len(self.names) + self.duplicate + self.invalid + self.turned_away

    def csv(self) -> bytes:
        """Return the file, with rows of every kind all over it."""
        rows = [(address, *name) for address, name in self.names.items()]
        first = next(iter(self.names))
        rows += [(first.upper(), "Again", "Again")] * self.duplicate
        rows += [(f"nowhere{n}.example.com", "No", "Address") for n in range(self.invalid)]
        gone = (f"unsubscribed+{n}-{first}" for n in range(self.turned_away))
        rows += [(address, "Gone", "Away") for address in gone]
        # The first address stays first: of a duplicate the row that comes first counts.
        mixed = rows[:1] + random.Random(self.path).sample(rows[1:], len(rows) - 1)  # noqa: S311 - nothing secret
        lines = (f'{n},{row[0]},{row[1]},"{row[2]}",City\r\n' for n, row in enumerate(mixed))
        return (HEADER + "".join(lines)).encode()


@dataclass
class Segment:
    """A segment and its versions so far, the oldest first."""

    name: str
    profiles: int  # of the first version
    versions: list[Version] = field(default_factory=list)

    def next_version(self, dice: random.Random) -> Version:
        """Draw a version with some profiles new, some changed, some gone and some bad."""
        number = len(self.versions) + 1
        if self.versions:
            before = self.versions[-1].names
            names = {each: name for each, name in before.items() if dice.random() < _KEPT}
            changed = [each for each in names if dice.random() < _CHANGED]
            new = int(self.profiles * _NEW)
        else:
            names, changed, new = {}, [], self.profiles
        changed += [f"{self.name.lower()}{number}-{n}@example.com" for n in range(new)]
        names |= {each: (dice.choice(_FIRST_NAMES), f"{self.name} v{number}") for each in changed}
        bad = self.profiles // 100
        version = Version(
            f"{self.name}/{number:04d}.csv",
            names,
            duplicate=dice.randint(0, bad),
            invalid=dice.randint(0, bad),
            turned_away=dice.randint(0, bad // 2),
        )
        self.versions.append(version)
        return version

    def version_at(self, path: str) -> Version:
        """Return the version of a file."""
        return next(version for version in self.versions if version.path == path)
