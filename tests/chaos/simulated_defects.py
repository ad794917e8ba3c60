"""Products that are broken on purpose: a simulation is worth something only if it finds them.

Each defect stands between the product and a port, and does there what the product would do if a line of
it were wrong.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from shared.destinations.contract import Destination, ListsJobs
from shared.destinations.model import FinishedJob, Sent
from shared.storage.entries import SettingsTable
from shared.storage.ports import Storage, Stored


class Soundness:
    """No defect."""

    def storage(self, storage: Storage) -> Storage:
        """Return storage as the product with this defect uses it."""
        return storage

    def destination[T: Destination](self, destination: T) -> T:
        """Return a destination as the product with this defect uses it."""
        return destination


class Unfenced(Soundness):
    """A checkpoint is written whatever was there, so that a slice overwrites what its successor wrote."""

    def storage(self, storage: Storage) -> Storage:
        return replace(storage, checkpoints=_Unguarded(storage.checkpoints))


class Overtaking(Soundness):
    """A run does not see that another of its export is under way."""

    def storage(self, storage: Storage) -> Storage:
        return replace(storage, active_runs=_WithoutOthers(storage.active_runs))


class CancelsUnseen(Soundness):
    """A slice does not see that its run was canceled."""

    def storage(self, storage: Storage) -> Storage:
        return replace(storage, bookmarks=_WithoutCancels(storage.bookmarks))


class PartsAreWholes(Soundness):
    """What was delivered in part counts as delivered; not where jobs are looked for, for simplicity."""

    def destination[T: Destination](self, destination: T) -> T:
        if isinstance(destination, ListsJobs):
            return destination
        whole: Any = _Whole(destination)
        return whole  # type: ignore[no-any-return] # it passes on whatever it has not


class OneLayout(Soundness):
    """Whatever slice lays out a run writes to the same files."""

    def storage(self, storage: Storage) -> Storage:
        return replace(storage, run_files=_OneFolder(storage.run_files))


DEFECTS: Mapping[str, Soundness] = {
    "unfenced": Unfenced(),
    "overtaking": Overtaking(),
    "cancels-unseen": CancelsUnseen(),
    "parts-are-wholes": PartsAreWholes(),
    "one-layout": OneLayout(),
}


class _Instead:
    """Something else that is asked in the place of what it stands for, and mostly passes that on."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class _Unguarded(_Instead):
    async def insert(self, partition: str, key: str, value: BaseModel) -> str:
        return await self.replace(partition, key, value, "")

    async def replace(self, partition: str, key: str, value: BaseModel, _: str) -> str:
        await self._real.put(partition, key, value)
        return str((await self._real.get(partition, key)).etag)


class _OneFolder(_Instead):
    async def write(self, name: str, data: Any) -> None:
        await self._real.write(_without_layout(name), data)

    async def read(self, name: str) -> Any:
        return await self._real.read(_without_layout(name))

    async def stream(self, name: str, etag: str | None = None) -> AsyncIterator[bytes]:
        async for piece in self._real.stream(_without_layout(name), etag):
            yield piece


def _without_layout(name: str) -> str:
    return re.sub(r"/parts/[0-9a-f]{12}/", "/parts/", name)


class _WithoutOthers(_Instead):
    async def page(self, partition: str, **between: Any) -> Sequence[Stored[Any]]:
        """Return none of the runs of one export, which alone are asked for with an upper bound."""
        return () if "before" in between else await self._real.page(partition, **between)


class _WithoutCancels(_Instead):
    async def get(self, partition: str, key: str) -> Stored[Any] | None:
        return None if partition == SettingsTable.CANCELS else await self._real.get(partition, key)


class _Whole(_Instead):
    async def send(self, *given: Any) -> Sent:
        sent: Sent = await self._real.send(*given)
        return replace(sent, outcomes=())

    async def poll(self, *given: Any) -> Sequence[FinishedJob]:
        finished: Sequence[FinishedJob] = await self._real.poll(*given)
        return [replace(each, outcomes=()) for each in finished]
