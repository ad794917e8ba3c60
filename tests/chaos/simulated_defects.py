"""Products that are broken on purpose: a simulation is worth something only if it finds them.

Each defect stands between the product and a port, and does there what the product would do if a line of
it were wrong.
"""

import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from shared.destinations.batch import Batch
from shared.destinations.contract import Destination, ListsJobs, PollsJobs
from shared.destinations.model import FinishedJob, Sent
from shared.domain.errors import TryLater
from shared.domain.message import say
from shared.domain.run import Checkpoint, Phase
from shared.storage.entries import SettingsTable
from shared.storage.ports import Storage, Stored

_DROPPED = TryLater(say("The answer was dropped."))
_UNRECORDED = 6  # batches: more than twice the connections, where there is one


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


class AnswersDropped(Soundness):
    """An answer behind a batch that fails is dropped; not where there are jobs, for simplicity."""

    def destination[T: Destination](self, destination: T) -> T:
        if isinstance(destination, PollsJobs):
            return destination
        dropping: Any = _DropsAnswers(destination)
        return dropping  # type: ignore[no-any-return] # it passes on whatever it has not


class PollsDrop(Soundness):
    """A poll that fails drops the next answer to a batch; not where jobs are looked for."""

    def destination[T: Destination](self, destination: T) -> T:
        if isinstance(destination, ListsJobs) or not isinstance(destination, PollsJobs):
            return destination
        dropping: Any = _DropsBesidePolls(destination)
        return dropping  # it passes on whatever it has not


class Unrecorded(Soundness):
    """A checkpoint is moved over many batches at once, so that very many lie outside of it."""

    def storage(self, storage: Storage) -> Storage:
        return replace(storage, checkpoints=_Lagging(storage.checkpoints))


class JobsUnseen(Soundness):
    """The jobs of an account are never found."""

    def destination[T: Destination](self, destination: T) -> T:
        if not isinstance(destination, ListsJobs):
            return destination
        blind: Any = _Blind(destination)
        return blind  # it passes on whatever it has not


DEFECTS: Mapping[str, Soundness] = {
    "unfenced": Unfenced(),
    "overtaking": Overtaking(),
    "cancels-unseen": CancelsUnseen(),
    "parts-are-wholes": PartsAreWholes(),
    "one-layout": OneLayout(),
    "answers-dropped": AnswersDropped(),
    "polls-drop": PollsDrop(),
    "unrecorded": Unrecorded(),
    "jobs-unseen": JobsUnseen(),
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


class _Lagging(_Instead):
    async def replace(self, partition: str, key: str, value: Checkpoint, etag: str) -> str:
        """Write nothing that moves over few batches of one slice, and say that it was written."""
        stored = (await self._real.get(partition, key)).value
        moved = value.batches_done - stored.batches_done
        is_small = value.phase is Phase.SEND and value.slice == stored.slice and moved < _UNRECORDED
        if is_small:
            return etag
        return str(await self._real.replace(partition, key, value, etag))


class _DropsAnswers(_Instead):
    def __init__(self, real: Any) -> None:
        super().__init__(real)
        self._failing: set[int] = set()  # batches, by number

    async def send(self, api: Any, target: Any, batch: Batch) -> Sent:
        try:
            sent: Sent = await self._real.send(api, target, batch)
        except TryLater:
            self._failing.add(batch.number)
            raise
        self._failing.discard(batch.number)
        if self._failing and min(self._failing) < batch.number:
            raise _DROPPED
        return sent


class _DropsBesidePolls(_Instead):
    def __init__(self, real: Any) -> None:
        super().__init__(real)
        self._has_failed = False

    async def send(self, *given: Any) -> Sent:
        sent: Sent = await self._real.send(*given)
        if self._has_failed:
            self._has_failed = False
            raise _DROPPED
        return sent

    async def poll(self, *given: Any) -> Sequence[FinishedJob]:
        try:
            finished: Sequence[FinishedJob] = await self._real.poll(*given)
        except TryLater:
            self._has_failed = True
            raise
        return finished


class _Blind(_Instead):
    async def poll(self, *given: Any) -> Sequence[FinishedJob]:
        finished: Sequence[FinishedJob] = await self._real.poll(*given)
        return finished

    async def jobs(self, *_: Any) -> Collection[str]:
        return ()


class _Whole(_Instead):
    async def send(self, *given: Any) -> Sent:
        sent: Sent = await self._real.send(*given)
        return replace(sent, outcomes=())

    async def poll(self, *given: Any) -> Sequence[FinishedJob]:
        finished: Sequence[FinishedJob] = await self._real.poll(*given)
        return [replace(each, outcomes=()) for each in finished]
