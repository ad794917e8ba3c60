"""Whatever is wrong with a segment file, the run says so in words, and nothing leaves."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from shared.destinations.mailchimp.destination import Mailchimp
from shared.destinations.model import Client, Limits
from shared.domain.errors import BadSegment
from shared.domain.message import say
from shared.domain.outcomes import Counts, Outcome
from shared.domain.run import RunStatus
from shared.segments.formats.rows import MAX_FIELD
from tests.fakes.clock import FakeClock
from tests.fakes.storage import MemoryBlobs
from tests.runs.world import World, csv, ready

GOOD = b"Email,First,Last\n"

BAD_FILES = {
    "no email column": (
        b"Mail,First,Last\na@x.com,A,B\n",
        "has no column 'Email'. It has: Mail, First, Last.",
    ),
    "a mapped column missing": (
        b"Email,First\na@x.com,A\n",
        "has no column 'Last'. It has: Email, First.",
    ),
    "a mapped column twice": (b"Email,First,Last,Email\n1,2,3,4\n", "more than one column 'Email'"),
    "an empty file": (b"", "is still being written"),
    "a file of line ends": (b"\n\n", "is empty"),
    "only a header": (GOOD, "There is a header but no profile in"),
    "only a header, no line end": (b"Email,First,Last", "There is a header but no profile in"),
    "not UTF-8": (
        GOOD + b"a@x.com,Jos\xe9,B\n",
        "line 2: in the column 'First' is a character that is not UTF-8. Save it as CSV UTF-8",
    ),
    "not UTF-8 after a byte order mark": (
        b"\xef\xbb\xbf" + GOOD + b"a@x.com,Jos\xe9,B\n",
        "line 2: in the column 'First' is a character that is not UTF-8. Save it as CSV UTF-8",
    ),
    "UTF-16 without a row": (
        "Email,First,Last\n".encode("utf-16"),
        "There is a header but no profile in",
    ),
    "a NUL": (GOOD + b"a@x.com,A\0,B\n", "line 2: there is a NUL character"),
    "a field of 10 MB": (
        GOOD + b'a@x.com,"' + b"x" * 10_000_000 + b'",B\n',
        "the line is longer than 4,194,304 bytes",
    ),
    "a field that is a little too long": (
        GOOD + b"a@x.com,A,B\nb@x.com," + b"x" * (MAX_FIELD + 1) + b",B\n",
        "line 3: a field is longer than 131,072 characters",
    ),
    "a quoted field of 10 MB in short lines": (
        GOOD + b'a@x.com,"' + b"x" * 99 * 1 + b"\n" * 10_000_000 + b'",B\n',
        "line 2: a quote is opened here, and not closed within 4,194,304 bytes",
    ),
    "a quote that is never closed": (
        GOOD + b'a@x.com,A,B\nb@x.com,"A,B\nc@x.com,A,B\n',
        "line 3: a quote is opened here and never closed",
    ),
}


@pytest.mark.parametrize(("data", "said"), BAD_FILES.values(), ids=BAD_FILES.keys())
async def test_a_bad_file_fails_the_run_for_good_and_sends_nothing(data: bytes, said: str) -> None:
    world = await ready()
    await world.drop(data)

    run = await world.run()

    assert run.status is RunStatus.FAILED_PERMANENT
    assert said in str(run.reason)
    assert "Customers/1.csv" in str(run.reason)
    assert world.mailchimp.calls == 0
    assert world.queue.waiting == []


async def test_a_segment_without_a_file_fails_the_run_for_good() -> None:
    world = await ready()

    run = await world.run()

    assert run.status is RunStatus.FAILED_PERMANENT
    assert str(run.reason) == "The segment Customers has no file. Drop one at segments/Customers/."


async def test_more_profiles_than_allowed_are_refused_with_their_number() -> None:
    world = await ready(max_profiles=1000)
    await world.drop(csv(1001))

    run = await world.run()

    assert run.status is RunStatus.FAILED_PERMANENT
    assert "has 1,001 profiles and may have 1,000" in str(run.reason)
    assert world.mailchimp.calls == 0


@pytest.mark.parametrize("seconds", [0, 3], ids=["read at once", "read for long"])
async def test_a_refused_run_accounts_for_every_row_that_was_read(seconds: float) -> None:
    world = await ready()
    await world.drop(csv(600))
    await world.run()
    world.having(max_profiles=1000)
    files = _TakesLong(world.clock, seconds)
    world.having(storage=replace(world.services.storage, segments=files))
    await world.drop(csv(1001) + "user7@example.com,Again,Again\nbad,A,B\n", "Customers/2.csv")

    run = await world.run()

    assert run.status is RunStatus.FAILED_PERMANENT
    assert "has 1,001 profiles and may have 1,000" in str(run.reason)
    progress = await world.progress(run)
    counts = Counts(unchanged=600, duplicate=1, invalid=1)
    assert (progress.rows_read, progress.counts, progress.not_sent) == (1003, counts, 401)
    rejects = [(each.row, each.outcome) for each in await world.rejects(run)]
    assert sorted(rejects) == [(1003, Outcome.DUPLICATE), (1004, Outcome.INVALID)]


class _TakesLong(MemoryBlobs):
    """Every piece takes so many seconds to come."""

    def __init__(self, clock: FakeClock, seconds: float) -> None:
        super().__init__(clock, piece=4096)
        self._wall = clock
        self._seconds = seconds

    async def stream(self, name: str, etag: str | None = None) -> AsyncIterator[bytes]:
        async for piece in super().stream(name, etag):
            self._wall.advance(self._seconds)
            yield piece


@pytest.mark.parametrize(("own", "setting"), [(1000, 5000), (5000, 1000), (None, 1000)])
async def test_of_the_destinations_own_maximum_and_the_setting_the_lower_one_counts(
    own: int | None, setting: int
) -> None:
    world = await ready(max_profiles=setting)
    mailchimp = _WithItsOwnMaximum(
        Client("id", "secret"), "https://login.test", "https://{dc}.test"
    )
    mailchimp.own = own
    world.having(destinations={"mailchimp": mailchimp})
    await world.drop(csv(1000))
    assert (await world.run()).status is RunStatus.SUCCESSFUL
    await world.drop(csv(1001), "Customers/2.csv")

    run = await world.run()

    assert "has 1,001 profiles and may have 1,000" in str(run.reason)


class _WithItsOwnMaximum(Mailchimp):
    """Mailchimp, if it had a maximum of profiles."""

    own: int | None = None

    @property
    def limits(self) -> Limits:
        return replace(super().limits, profiles_per_export=self.own)


async def test_duplicates_do_not_count_against_the_limit() -> None:
    world = await ready(max_profiles=1000)
    await world.drop(csv(1000) + "user7@example.com,Again,Again\n")

    run = await world.run()

    assert run.status is RunStatus.SUCCESSFUL
    assert (await world.progress(run)).counts.duplicate == 1


async def test_a_row_with_too_many_fields_is_a_reject_and_not_a_failure() -> None:
    world = await ready()
    await world.drop(csv(2) + "x@example.com,A,B,C\ny@example.com,A\n")

    run = await world.run()

    assert run.status is RunStatus.SUCCESSFUL
    rejects = {(r.row, r.code, str(r.reason)) for r in await world.rejects(run)}
    assert rejects == {(4, "wrong_field_count", "The row has 4 fields and the header 3.")}
    assert world.mailchimp.members["y@example.com"]["FNAME"] == "A"  # what is missing is empty


async def test_rejects_of_a_file_are_in_the_order_of_its_rows() -> None:
    world = await ready()
    bad = ["ann,A,B", "x@example.com,A,B,C", ",A,B", "y@example.com,A,B,C", "bob,A,B"]
    await world.drop(csv(2) + "".join(f"{row}\n" for row in bad))

    run = await world.run()

    assert [reject.row for reject in await world.rejects(run)] == [4, 5, 6, 7, 8]


class _ReplacedMeanwhile(MemoryBlobs):
    """Somebody drops a new file while the first piece is being read."""

    async def stream(self, name: str, etag: str | None = None) -> AsyncIterator[bytes]:
        async for piece in super().stream(name, etag):
            yield piece
            await self.write(name, b"Email,First,Last\nnew@example.com,N,N\n")


async def test_a_file_that_is_replaced_while_it_is_read_is_not_sent() -> None:
    world = await ready()
    files = _ReplacedMeanwhile(world.clock, piece=64)
    world.having(storage=replace(world.services.storage, segments=files))
    await files.write("Customers/1.csv", csv(100).encode())

    run = await world.run()

    assert run.status is RunStatus.FAILED_PERMANENT
    assert "was replaced or removed while it was read" in str(run.reason)
    assert world.mailchimp.calls == 0


async def test_the_message_of_a_bad_file_never_quotes_a_cell() -> None:
    world = World()
    await world.connect()
    await world.export()
    await world.drop(GOOD + b"planted@example.com,Planted\xff,Name\n")

    run = await world.run()

    assert "lanted" not in run.model_dump_json()


def test_bad_segment_is_shown_as_it_is() -> None:
    assert str(BadSegment(say("It is empty."))) == "It is empty."
