"""The spool: every profile comes back in its partition, in the order in which it came."""

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.exports.profiles import Profiles
from shared.exports.spool import PARTITIONS, Spool, partition_of

# More rows than are held back make the file be written, once or twice.
ROWS = st.one_of(st.integers(0, 600), st.integers(20_000, 45_000))


@settings(max_examples=15, deadline=None)
@given(ROWS, st.integers(1, 30_000), st.integers(1, 20_000))
def test_what_was_put_in_comes_back_by_partition(rows: int, every: int, addresses: int) -> None:
    expected = [Profiles() for _ in range(PARTITIONS)]
    with Spool() as spool:
        for row in range(rows):
            address = b"a%d@example.com" % (row % addresses)
            origin, fragment = b"0:%d" % row, b'{"a b":"%d"}' % row
            at = partition_of(address)
            spool.partitions[at].append(b"\t".join((origin, address, fragment)))
            expected[at].add(Profiles([origin], [address], [fragment]))
            if row % every == 0:
                spool.write_out()
        assert [spool.profiles(number) for number in range(PARTITIONS)] == expected
