"""Jobs whose answer was lost: when one may be looked for, and which ones it cannot be.

Nothing tells two jobs of as many profiles apart, such as those of two exports of one segment. So a lane
remembers which run was the last to send, and the jobs that its answers told of.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from shared.exports.quota import change
from shared.storage.ports import QUOTAS, Quota, Records

_MOST = 50  # more than begin within the tolerance of clocks at a destination that is asked this way


@dataclass(slots=True)
class LostJobs:
    """What there is to know of the jobs of a lane, for one slice that holds it."""

    records: Records[Quota]
    lane: str
    run_id: str
    known: set[str] = field(default_factory=set)  # jobs that are not the lost one

    async def may_be_found(self) -> bool:
        """Say whether no other run has sent since this one last did, and note that this one is about to."""
        stored = await self.records.get(QUOTAS, self.lane)
        before = stored.value if stored else Quota()
        self.known.update(before.begun)
        await self._change(lambda now: now.model_copy(update={"sender": self.run_id}))
        return before.sender == self.run_id

    async def began(self, key: str) -> None:
        """Note a job that an answer told of."""
        await self._change(lambda now: now.model_copy(update={"begun": [*now.begun, key][-_MOST:]}))
        self.known.add(key)

    async def _change(self, how: Callable[[Quota], Quota]) -> None:
        await change(self.records, self.lane, how)
