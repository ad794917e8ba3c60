"""Parts: what was prepared comes back as it was, in batches that the destination takes."""

import gzip
from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.arrow import pa
from shared.destinations.batch import Batch
from shared.destinations.model import Limits
from shared.runs.state.parts import PartWriter, batches_per_part, read_batches, read_part
from shared.runs.state.profiles import BYTES, Profiles, origins_of
from shared.storage.paths import part
from tests.fakes.clock import FakeClock
from tests.fakes.storage import MemoryBlobs

LIMITS = st.builds(
    Limits,
    profiles_per_batch=st.integers(2, 40),
    bytes_per_batch=st.integers(30, 400),
    concurrency=st.just(8),
    least_per_batch=st.integers(1, 2),
)
SIZES = st.lists(st.integers(0, 60), max_size=300)  # of what a profile holds
NONE = pa.array([], pa.int64())
CALLS = st.integers(1, 50)  # profiles that are added at once


def profiles(sizes: Sequence[int]) -> Profiles:
    return Profiles(
        pa.concat_arrays([origins_of(at % 3, [at + 2]) for at in range(len(sizes))] or [NONE]),
        pa.array([b"a%d@example.com" % at for at in range(len(sizes))], BYTES),
        pa.array(['{{"ö":"{}"}}'.format("x" * size).encode() for size in sizes], BYTES),
    )


async def written(all_of_them: Profiles, limits: Limits, at_once: int) -> tuple[MemoryBlobs, int]:
    """Write parts; return where they are, and how many batches there are."""
    blobs = MemoryBlobs(FakeClock())
    writer = PartWriter(blobs, "run", limits)
    for start in range(0, len(all_of_them), at_once):
        some = pa.array(range(start, min(start + at_once, len(all_of_them))))
        await writer.add(all_of_them.ordered(some))
    await writer.close()
    assert writer.profiles == len(all_of_them)
    return blobs, writer.batches


async def read(blobs: MemoryBlobs, limits: Limits, first: int, total: int) -> Sequence[Batch]:
    per_part = batches_per_part(limits)
    return [each async for each in read_batches(blobs, "run", per_part, range(first, total))]


@settings(max_examples=100, deadline=None)
@given(SIZES, LIMITS, CALLS)
@example([10] * 81, Limits(40, 400_000, 8, least_per_batch=2), 7)
async def test_what_was_written_comes_back_in_its_order(
    sizes: list[int], limits: Limits, at_once: int
) -> None:
    sent = profiles(sizes)
    blobs, total = await written(sent, limits, at_once)
    batches = await read(blobs, limits, 0, total)
    assert [batch.number for batch in batches] == list(range(total))
    origins = [b"%d:%d" % (at % 3, at + 2) for at in range(len(sizes))]
    assert [x for batch in batches for x in batch.origins.split(b"\t")] == origins
    addresses = sent.addresses.to_pylist()
    assert [x for batch in batches for x in batch.addresses.split(b"\t")] == addresses
    fragments = sent.fragments.to_pylist()
    assert [x for batch in batches for x in batch.joined.split(b",\n")] == fragments
    assert sum(batch.size for batch in batches) == len(sizes)


@settings(max_examples=100, deadline=None)
@given(SIZES, LIMITS, CALLS)
async def test_a_batch_keeps_the_limits_of_its_destination(
    sizes: list[int], limits: Limits, at_once: int
) -> None:
    blobs, total = await written(profiles(sizes), limits, at_once)
    for batch in await read(blobs, limits, 0, total):
        assert batch.size <= limits.profiles_per_batch
        assert len(batch.joined) <= limits.bytes_per_batch or batch.size == 1


@pytest.mark.parametrize(
    ("number", "sizes"),
    [
        (259, [249, 10]),
        (260, [250, 10]),
        (500, [250, 250]),
        (509, [250, 249, 10]),
        (759, [250, 250, 249, 10]),
    ],
)
@pytest.mark.parametrize("at_once", [1, 7, 259, 1000])
async def test_only_the_last_but_one_batch_is_cut_smaller_for_the_last(
    number: int, sizes: list[int], at_once: int
) -> None:
    limits = Limits(250, 400_000, 8, least_per_batch=10)
    blobs, total = await written(profiles([20] * number), limits, at_once)
    assert [batch.size for batch in await read(blobs, limits, 0, total)] == sizes


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 300), st.data())
async def test_reading_begins_at_any_batch(number: int, data: st.DataObject) -> None:
    limits = Limits(
        4_000, 100, 8
    )  # such large batches are two of a part, but bytes end them earlier
    blobs, total = await written(profiles([20] * number), limits, 50)
    batches = await read(blobs, limits, 0, total)
    first = data.draw(st.integers(0, total))
    assert await read(blobs, limits, first, total) == batches[first:]


async def test_a_part_is_gzip_whoever_wrote_it() -> None:
    limits = Limits(500, 1_000_000, 8)
    blobs, total = await written(profiles([200] * 1_200), limits, 50)
    text = gzip.decompress(await blobs.read(part("run", 0)))
    ours = await read(blobs, limits, 0, total)
    await blobs.write(part("run", 0), gzip.compress(text, 6))
    assert await read_part(blobs, "run", 0, batches_per_part(limits)) == ours
