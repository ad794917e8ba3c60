"""Sets at random: in whatever order and at whatever times files land, everybody arrives, and at once."""

from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.run import RunStatus
from shared.segments.inventory import versions_in
from tests.fakes.clock import FakeClock
from tests.fakes.storage import MemoryBlobs
from tests.triggers.field import FieldWorld, somebody

GUID = "1f6a7c1e-0a1b-4c2d-8e3f-000000000001"
FORMS = (
    "customers-{:012}.csv",
    "data_0_0_{}.csv",
    "data_" + GUID + "_006_{}_0.csv",
    "{:06}_0",
    "{:04}_part_00",
    "customers_{:05}.csv",
    "QID1_20261130_090000_{}.csv",
    "data_{}.csv",
    "part.{}.csv",
    "part-{:05}-" + GUID + "-c000.csv",
    "20261130_090000_00012_a2b3c_" + GUID + "{}",
    "VIP=x{}/data_0.csv",
    "a=b/c={}/1.csv",
)
MARKERS = ("_SUCCESS", "manifest", "")

sets = st.tuples(
    st.sampled_from(FORMS),
    st.sampled_from(MARKERS),
    st.integers(1, 6).flatmap(lambda count: st.permutations(range(count))),
    st.lists(st.integers(0, 590), min_size=6, max_size=6),  # seconds between files
    st.lists(st.booleans(), min_size=7, max_size=7),  # whether their events come
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sets)
async def test_a_set_arrives_whole_and_in_one_run(
    drawn: tuple[str, str, Sequence[int], Sequence[int], Sequence[bool]],
) -> None:
    form, marker, order, gaps, events = drawn
    world = await FieldWorld.of()
    await world.land("Others/1.csv", somebody("nobody"))
    people = {f"n{number}" for number in order}
    for number, gap, event in zip(order, gaps, events, strict=False):
        path = f"S/run/{form.format(number)}"
        await world.land(path, somebody(f"n{number}"), event)
        if number != order[-1]:
            await world.minutes(gap // 60)
        assert await world.runs() == []
    if marker:
        await world.land(f"S/run/{marker}", event=events[-1])
    await world.minutes(15)
    [run] = await world.runs()
    assert run.status is RunStatus.SUCCESSFUL, run.reason
    assert world.members() == people
    await world.minutes(15)
    assert len(await world.runs()) == 1


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(FORMS),
            st.integers(0, 4),
            st.integers(0, 1_500),  # seconds since the file before it
        ),
        min_size=1,
        max_size=14,
    )
)
async def test_whatever_lands_a_file_is_in_one_version_at_most_and_the_order_of_a_listing_means_nothing(
    landed: Sequence[tuple[str, int, int]],
) -> None:
    clock = FakeClock()
    files = MemoryBlobs(clock)
    for form, number, gap in landed:
        clock.advance(gap)
        await files.write(f"S/run/{form.format(number)}", somebody("a"))
    clock.advance(3_600)
    blobs = [blob async for blob in files.list()]
    found = list(versions_in(blobs, clock.now()))
    read = [file.path for version in found for file in version.sources]
    assert len(read) == len(set(read))
    assert all(version.landed <= clock.now() for version in found)
    again = {version.key for version in versions_in(reversed(blobs), clock.now())}
    assert again == {version.key for version in found}
