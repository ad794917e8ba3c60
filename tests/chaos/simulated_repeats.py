"""What was written twice in a simulation, and which trouble explains it.

A write that took effect may come again for two reasons. Its answer was lost: then that one may. Or its
slice was broken off before it had recorded the answer: then as many batches of the slice may as lie
outside a checkpoint, twice the connections in use, and of jobs only those that the vendor cannot be
asked for. An error before a write took effect explains nothing that was written beside it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from shared.destinations.contract import ListsJobs
from shared.domain.run import Run
from tests.chaos.simulated_network import Write
from tests.chaos.simulated_world import SimulatedWorld

_OUTSIDE = 2  # times the connections in use: batches that may be outside a checkpoint


class Repeats:
    """The repeated writes of a simulation. `counts` has them by destination and reason, in words."""

    def __init__(self, world: SimulatedWorld) -> None:
        self.counts: Counter[str] = Counter()
        self._world = world
        self._writes: dict[str, list[Write]] = defaultdict(list)
        for write in world.book.writes:
            if write.accepted or write.refused:
                self._writes[write.run].append(write)

    def broken(self, run: Run) -> Iterator[str]:
        """Yield what of a run was written again and nothing explains, in words."""
        whole = _whole(self._writes[run.id])
        again: dict[tuple[int, str, int], set[str]] = defaultdict(set)  # of slices broken off
        for write, later in _repeated(self._writes[run.id]).items():
            batch, about = whole[min(write.profiles)], f"{len(write.profiles)} to {run.destination}"
            if write.lost:
                self._count(run, "its answer was lost")
            elif write.slice == later.slice:
                yield f"{batch} was written again by its slice ({about}), and no answer was lost"
            elif not self._broken_off(write, later):
                yield f"{batch} was written again ({about}), and nothing broke its slice off"
            elif self._can_be_asked_for(run, write, later):
                yield f"{batch} was written again ({about}), and its job was there to be found"
            else:
                self._count(run, "its slice was broken off")
                again[write.slice].add(batch)
        allowed = _OUTSIDE * self._world.services.destinations[run.destination].limits.concurrency
        for batches in again.values():
            if len(batches) > allowed:
                yield (
                    f"{len(batches)} batches of a slice that was broken off were written again, "
                    f"{allowed} may be"
                )

    def _count(self, run: Run, why: str) -> None:
        self.counts[f"writes to {run.destination} again: {why}"] += 1

    def _broken_off(self, write: Write, later: Write) -> bool:
        """Say whether a slice that wrote was broken off, or overtaken by one that had been.

        A process that is paused once it has its lane, and goes on when it has lost that, may write the
        checkpoint before it learns of that: then it is its successor that has to stop.
        """
        if write.execution.broken_off:
            return True
        return any(
            write.at <= execution.moved.get(write.run, -1) <= later.at
            for host in self._world.hosts
            for execution in host.executions
            if execution.broken_off and execution is not write.execution
        )

    def _can_be_asked_for(self, run: Run, write: Write, later: Write) -> bool:
        """Say whether the slice that wrote again could have found the job of a write.

        Not one that came after it had looked, and not if another run has sent in the lane since the slice
        began that was broken off: nothing tells their jobs apart. The same goes for two jobs of as many
        profiles of the run itself.
        """
        if not isinstance(self._world.services.destinations[run.destination], ListsJobs):
            return False
        since, looked = write.held.since, later.held.since
        between = [
            each
            for each in self._world.book.writes
            if each.lane == write.lane and since <= each.at < looked
        ]
        alone = all(each.run == write.run for each in between)
        size = len(write.profiles)
        alike = [each for each in between if each.accepted and len(each.profiles) == size]
        return write.ended < looked and alone and alike == [write]


def _repeated(writes: Sequence[Write]) -> Mapping[Write, Write]:
    """Return the writes that took effect of which something did so again, and the first that did.

    What a slice has under way that was paused may come after what its successor wrote; it still counts as
    the earlier one.
    """
    found: dict[Write, Write] = {}
    newest: dict[str, Write] = {}  # by address
    taken = [write for write in writes if write.accepted]
    for write in sorted(taken, key=lambda each: (each.held.since, each.at)):
        for address in write.profiles:
            if before := newest.get(address):
                found.setdefault(before, write)
            newest[address] = write
    return found


def _whole(writes: Sequence[Write]) -> Mapping[str, str]:
    """Return what stands for the batch of each address: what is refused as a whole is sent in pieces."""
    found: dict[str, str] = {}
    for write in sorted(writes, key=lambda each: len(each.profiles), reverse=True):
        batch = min(write.profiles)
        found |= {each: found.get(each, batch) for each in write.profiles}
    return found
