"""Rejects in files: none of them so large that reading a page of it costs much."""

import orjson

from shared.domain.message import say
from shared.domain.outcomes import Outcome, Reject
from shared.domain.run import Checkpoint
from shared.runs.state.rejects import RejectWriter, reject_of, stored_rejects
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


async def test_rows_of_one_file_are_kept_as_single_rejects_are() -> None:
    quoted = 'a"],["\\ü\x01@example'
    rows = [(2, "bad", ("bad_address", REASON)), (3, quoted, ("no_at", say("{n}", n=1)))]
    single, together = (RejectWriter(MemoryBlobs(FakeClock()), RUN) for _ in range(2))
    for row, address, (code, reason) in rows:
        single.add(Reject('Cust"omers', row, address, Outcome.INVALID, code, reason, "a/1.csv"))
    together.add_invalid('Cust"omers', "a/1.csv", rows)
    assert together.waiting == single.waiting
    assert together.counts == single.counts


async def test_rows_of_one_file_are_all_counted_though_only_so_many_are_kept() -> None:
    writer = RejectWriter(MemoryBlobs(FakeClock()), RUN, most=3)
    writer.add(invalid(2))
    for rows in (range(3, 7), range(7, 9)):
        writer.add_invalid("Customers", "", [(row, "", ("no_at", REASON)) for row in rows])
    kept = [reject_of(orjson.loads(line)).row for line in writer.waiting]
    assert kept == [2, 3, 4]
    assert writer.counts[Outcome.INVALID] == 7
