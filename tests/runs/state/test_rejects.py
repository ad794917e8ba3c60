"""Rejects in files: none of them so large that reading a page of it costs much."""

from shared.domain.message import say
from shared.domain.outcomes import Outcome, Reject
from shared.domain.run import Checkpoint
from shared.runs.state.rejects import RejectWriter, stored_rejects
from shared.storage.paths import folder
from tests.fakes.clock import FakeClock
from tests.fakes.storage import MemoryBlobs

RUN = "export.run"
REASON = say("This is no email address.")


def invalid(row: int, address: str = "bad") -> Reject:
    return Reject("Customers", row, address, Outcome.INVALID, "bad_address", REASON)


async def test_many_at_once_are_put_into_several_files_in_their_order() -> None:
    files = MemoryBlobs(FakeClock())
    writer = RejectWriter(files, RUN)
    for row in range(12_000):
        writer.add(invalid(row))
    await writer.write()
    lines = [data.count(b"\n") + 1 for name, data in files.kept() if name.startswith(folder(RUN))]
    assert lines == [5_000, 5_000, 2_000]
    checkpoint = Checkpoint(reject_files=writer.written)
    rows = [reject.row async for reject, _ in stored_rejects(files, RUN, checkpoint)]
    assert rows == list(range(12_000))


async def test_a_cell_without_end_in_the_place_of_an_address_is_cut() -> None:
    files = MemoryBlobs(FakeClock())
    writer = RejectWriter(files, RUN)
    writer.add(invalid(2, "x" * 100_000))
    checkpoint = Checkpoint(rejects=writer.waiting)
    [(found, _)] = [each async for each in stored_rejects(files, RUN, checkpoint)]
    assert found.address == "x" * 500
