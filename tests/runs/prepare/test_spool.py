"""The spool: every profile comes back in its partition, in the order in which it came."""

from itertools import batched

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.runs.prepare.spool import Spool
from shared.runs.state.partitions import PARTITIONS, partition_of
from shared.runs.state.profiles import Profiles

# More rows than are held back make the file be written, once or twice.
ROWS = st.one_of(st.integers(0, 600), st.integers(20_000, 45_000))


@settings(max_examples=15, deadline=None)
@given(ROWS, st.integers(1, 30_000), st.integers(1, 20_000))
def test_what_was_put_in_comes_back_by_partition(rows: int, at_once: int, people: int) -> None:
    expected = [Profiles() for _ in range(PARTITIONS)]
    with Spool() as spool:
        for block in batched(range(rows), at_once, strict=False):
            addresses = [b"a%d@example.com" % (row % people) for row in block]
            origins = [b"0:%d" % row for row in block]
            fragments = [b'{"a b":"%d"}' % row for row in block]
            profiles = list(zip(origins, addresses, fragments, strict=True))
            spool.add(addresses, list(map(b"\t".join, profiles)))
            for origin, address, fragment in profiles:
                one = Profiles([origin], [address], [fragment])
                expected[partition_of(address)].add(one)
        assert [spool.profiles(number) for number in range(PARTITIONS)] == expected
