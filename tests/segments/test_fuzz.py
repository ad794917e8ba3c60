"""Some thousand files that nobody would write, the same in every run. `make fuzz-files` tries new ones."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.segments.formats.registry import FORMATS
from tests.segments.corpus import MODEL
from tests.segments.fuzz import MOST_MIB, read, try_seed
from tests.segments.memory import forget_peak, peak_mib

FILES = 600


def test_a_file_that_was_taken_apart_gives_rows_or_a_reason() -> None:
    outcomes = [try_seed(seed) >= 0 for seed in range(FILES)]
    assert 0.05 < sum(outcomes) / FILES < 0.5  # it is a test only while both happen


@settings(max_examples=150, deadline=None)
@given(
    path=st.sampled_from([*(f"S/part-0{extension}" for extension in FORMATS), MODEL]),
    data=st.binary(max_size=300),
    piece=st.sampled_from([1, 3, 64, 4096]),
)
async def test_any_bytes_under_any_name_give_rows_or_a_reason(
    path: str, data: bytes, piece: int
) -> None:
    assert await read(path, data, piece) >= -1


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux forgets a peak")
def test_no_small_file_takes_much_memory() -> None:
    try_seed(0)
    forget_peak()
    before = peak_mib()
    for seed in range(FILES, FILES + 200):
        try_seed(seed)
    assert peak_mib() - before < MOST_MIB
