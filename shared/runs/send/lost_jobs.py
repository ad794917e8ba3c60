"""Looking for jobs whose answer was lost, before their profiles are sent again.

Nothing tells two jobs of as many profiles apart, such as those of two exports of one segment. So a slice
first learns what jobs there are, and takes only one for its own that came since, while it has the lane.
"""

from dataclasses import dataclass, field

from shared.destinations.contract import Api, ListsJobs


@dataclass(slots=True)
class LostJobs:
    """The jobs of an account, as far as one slice knows them."""

    destination: ListsJobs
    api: Api
    _known: set[str] | None = field(default=None, init=False)

    async def watch(self) -> None:
        """Learn what jobs there are before the first one is begun; raise DestinationError."""
        if self._known is None:
            self._known = set(await self.destination.jobs(self.api))

    def began(self, key: str) -> None:
        """Note a job that an answer told of."""
        if self._known is not None:
            self._known.add(key)

    async def find(self, size: int) -> str | None:
        """Return the job of so many profiles that has come; None when there is none, or no telling which."""
        if self._known is None:
            return None
        new = set(await self.destination.jobs(self.api, size)) - self._known
        return new.pop() if len(new) == 1 else None
