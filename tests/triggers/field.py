"""A world in which files land as tools write them, minute by minute."""

from collections.abc import Mapping
from pathlib import Path

from shared.domain.run import Run, RunStatus
from shared.triggers.arrivals import arrive
from shared.triggers.every_minute import tick
from tests.fakes.storage import MemoryBlobs
from tests.runs.small import small
from tests.runs.world import World
from tests.triggers.test_arrivals import runs

FIELD = Path(__file__).parents[1] / "segments" / "field"
FIELDS = {"email": "EMail", "first_name": "FirstName", "last_name": "LastName"}
HEAD = b"EMail,FirstName,LastName\n"


def row(name: str) -> bytes:
    """Return the row of somebody."""
    return f"{name}@example.com,Ann,Lee\n".encode()


def somebody(name: str) -> bytes:
    """Return a file with one row."""
    return HEAD + row(name)


def inputs(case: str) -> Mapping[str, bytes]:
    """Return the files of a case by the paths that they are dropped at, by name."""
    folder = FIELD / case
    return {
        str(path.relative_to(folder if path.is_relative_to(folder / _EXPORT) else FIELD)): (
            path.read_bytes()
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


_EXPORT = "CustomerInsights_0f3c"


class FieldWorld:
    """An export of the segment S, unless a test says otherwise, and of nothing else."""

    def __init__(self, world: World) -> None:
        self.world = world

    @classmethod
    async def of(cls, segment: str = "S", **fields: str) -> "FieldWorld":
        """Return a world that has come to its first minute."""
        world = await small()
        await world.export("field", segments=[segment], fields=FIELDS | fields)
        made = cls(world)
        await made.minutes(1)
        return made

    @property
    def files(self) -> MemoryBlobs:
        """The container of segments."""
        files = self.world.services.storage.segments
        assert isinstance(files, MemoryBlobs)
        return files

    async def land(self, path: str, data: bytes = b"", event: bool = True) -> None:
        """Let a file land, and its event come unless that is lost."""
        await self.world.drop(data, path)
        if event:
            await self.event(path)

    async def event(self, path: str) -> None:
        """Let the event of a file come."""
        await arrive(self.world.services, path)
        await self.world.deliver()

    async def minutes(self, count: int) -> None:
        """Let minutes go by, with the timer of each."""
        for _ in range(count):
            self.world.clock.advance(60)
            await tick(self.world.services)
            await self.world.deliver()

    async def runs(self) -> list[Run]:
        """Return the runs, the oldest first."""
        return list(reversed(await runs(self.world, "field")))

    async def statuses(self) -> list[RunStatus]:
        """Return how they stand."""
        return [run.status for run in await self.runs()]

    def members(self) -> set[str]:
        """Return who has arrived, by what stands before the @."""
        return {address.partition("@")[0] for address in self.world.mailchimp.members}
