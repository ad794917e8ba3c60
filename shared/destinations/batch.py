"""A batch: the profiles of one request, and the pieces that it can be cut into."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain


@dataclass(frozen=True, slots=True)
class Batch:
    """The profiles of one request, as they were prepared: sending decodes and encodes none of them.

    `joined` is the destination's own JSON of each profile with a comma and a line feed between two,
    so it can stand in a JSON array as it is. No JSON holds a raw line feed, so it can be split again.
    """

    origins: bytes  # "<file number>:<row>", separated by tabs
    addresses: bytes  # in their normal form, separated by tabs
    joined: bytes
    size: int  # profiles
    number: int = 0  # among the batches of the run
    ranges: Sequence[
        tuple[int, int]
    ] = ()  # the ranges of the batch that this piece holds; () is all

    def index_of(self) -> dict[str, int]:
        """Return where in the batch each address is; a batch never holds an address twice."""
        return {address: at for at, address in enumerate(self.addresses.decode().split("\t"))}

    @property
    def indexes(self) -> Sequence[int]:
        """Where each profile of this piece stands in the batch as it was prepared."""
        if not self.ranges:
            return range(self.size)
        return tuple(chain.from_iterable(range(*each) for each in self.ranges))

    def only(self, kept: Sequence[int]) -> "Batch":
        """Return the piece that holds these profiles, by ascending index within this one."""
        origins, addresses = self.origins.split(b"\t"), self.addresses.split(b"\t")
        fragments, indexes = self.joined.split(b",\n"), self.indexes
        return Batch(
            b"\t".join(origins[at] for at in kept),
            b"\t".join(addresses[at] for at in kept),
            b",\n".join(fragments[at] for at in kept),
            size=len(kept),
            number=self.number,
            ranges=_ranges([indexes[at] for at in kept]),
        )


def _ranges(indexes: Sequence[int]) -> Sequence[tuple[int, int]]:
    """Return ascending numbers as ranges, the end excluded."""
    ranges: list[tuple[int, int]] = []
    for index in indexes:
        if ranges and ranges[-1][1] == index:
            ranges[-1] = (ranges[-1][0], index + 1)
        else:
            ranges.append((index, index + 1))
    return ranges
