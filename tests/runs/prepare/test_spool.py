"""The spool: every profile comes back in its partition, in the order in which it came."""

from itertools import batched, islice

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.runs.prepare.spool import Spool
from shared.runs.state.partitions import PARTITIONS, partition_of
from shared.runs.state.profiles import Profiles
from tests.runs.state.test_profiles import in_rows

# More bytes than are held back make the file be written, once or twice.
ROWS = st.one_of(st.integers(0, 600), st.integers(40_000, 90_000))


@settings(max_examples=15, deadline=None)
@given(ROWS, st.integers(1, 30_000), st.integers(1, 20_000), st.integers(0, 100))
def test_what_was_put_in_comes_back_by_partition(
    rows: int, at_once: int, people: int, size: int
) -> None:
    expected: list[list[tuple[int, bytes, bytes]]] = [[] for _ in range(PARTITIONS)]
    with Spool() as spool:
        for block in batched(range(rows), at_once, strict=False):
            profiles = [
                (
                    row,
                    b"a%d@example.com" % (row % people),
                    b'{"a b":"%d"}' % row + b" " * (row % size if size else 0),
                )
                for row in block
            ]
            spool.add(Profiles.of(profiles))
            for each in profiles:
                expected[partition_of(each[1])].append(each)
        spool.add(Profiles.of([]))  # of a block in which no row has an address
        found = []
        for partitions in spool.partitions():
            left = iter(in_rows(partitions.profiles))
            found += [[*islice(left, size)] for size in partitions.sizes]
            assert next(left, None) is None
        assert found == expected
