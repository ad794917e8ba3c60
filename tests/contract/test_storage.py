"""What every storage port promises, asked of memory and of Azure's services alike."""

import asyncio
import gzip
import os
from collections.abc import AsyncIterator

import pytest
from azure.keyvault.secrets.aio import SecretClient

from shared.storage.key_vault import KeyVaultSecrets
from shared.storage.ports import AlreadyExists, Missing, Secrets, Stale, Withheld
from tests.contract.storage_sides import Note, Side, azure, memory
from tests.fakes.clock import FakeClock
from tests.fakes.storage import MemoryLeases, MemoryQueue, MemorySecrets

REAL = pytest.param("azure", marks=pytest.mark.stack)
MIB = 1024 * 1024


@pytest.fixture(scope="module", params=["memory", REAL])
async def side(request: pytest.FixtureRequest) -> AsyncIterator[Side]:
    if request.param == "memory":
        yield memory()
        return
    async with azure(request.getfixturevalue("azurite")) as made:
        yield made


@pytest.fixture
def own(request: pytest.FixtureRequest) -> str:
    """A name that no other test uses."""
    return str(request.node.originalname).removeprefix("test_")


async def pieces(*texts: bytes) -> AsyncIterator[bytes]:
    for text in texts:
        yield text


async def exhaust(stream: AsyncIterator[bytes]) -> None:
    """Read to the end; every piece is of zeros, as the first version was."""
    async for piece in stream:
        assert not any(piece)


class TestRecords:
    async def test_an_absent_record_is_none(self, side: Side, own: str) -> None:
        assert await side.records.get(own, "1") is None

    async def test_a_record_comes_back_as_it_was_stored(self, side: Side, own: str) -> None:
        note = Note(text='É ł 李 🙂 it\'s 100 % \\ "quoted"\n\x00')
        etag = await side.records.insert(own, "it's 100%25 É", note)
        stored = await side.records.get(own, "it's 100%25 É")
        assert stored is not None
        assert (stored.key, stored.value, stored.etag) == ("it's 100%25 É", note, etag)

    @pytest.mark.parametrize("text", ["x" * 31_990, "x" * 70_000, "🙂" * 40_000])
    async def test_a_long_record_comes_back_whole(self, side: Side, own: str, text: str) -> None:
        await side.records.put(own, "1", Note(text=text))
        stored = await side.records.get(own, "1")
        assert stored is not None
        assert stored.value.text == text

    async def test_a_shorter_record_leaves_nothing_of_a_longer_one(
        self, side: Side, own: str
    ) -> None:
        etag = await side.records.insert(own, "1", Note(text="x" * 70_000))
        await side.records.replace(own, "1", Note(text="short"), etag)
        await side.records.put(own, "2", Note(text="x" * 70_000))
        await side.records.put(own, "2", Note(text="short"))
        assert [r.value.text for r in await side.records.page(own)] == ["short", "short"]

    async def test_a_second_insert_is_refused_and_changes_nothing(
        self, side: Side, own: str
    ) -> None:
        await side.records.insert(own, "1", Note(text="first"))
        with pytest.raises(AlreadyExists):
            await side.records.insert(own, "1", Note(text="second"))
        stored = await side.records.get(own, "1")
        assert stored is not None
        assert stored.value.text == "first"

    async def test_of_many_inserts_at_once_one_succeeds(self, side: Side, own: str) -> None:
        inserts = [side.records.insert(own, "1", Note(text=str(n))) for n in range(8)]
        results = await asyncio.gather(*inserts, return_exceptions=True)
        assert [type(r) for r in results if not isinstance(r, str)] == [AlreadyExists] * 7

    async def test_each_replace_needs_the_etag_of_the_last(self, side: Side, own: str) -> None:
        first = await side.records.insert(own, "1", Note(text="first"))
        second = await side.records.replace(own, "1", Note(text="second"), first)
        assert second != first
        with pytest.raises(Stale):
            await side.records.replace(own, "1", Note(text="late"), first)
        third = await side.records.replace(own, "1", Note(text="third"), second)
        stored = await side.records.get(own, "1")
        assert stored is not None
        assert (stored.value.text, stored.etag) == ("third", third)

    async def test_a_record_that_is_gone_cannot_be_replaced(self, side: Side, own: str) -> None:
        etag = await side.records.insert(own, "1", Note(text="first"))
        await side.records.delete(own, "1")
        with pytest.raises(Stale):
            await side.records.replace(own, "1", Note(text="late"), etag)
        assert await side.records.get(own, "1") is None

    async def test_put_outdates_the_etag(self, side: Side, own: str) -> None:
        etag = await side.records.insert(own, "1", Note(text="first"))
        await side.records.put(own, "1", Note(text="first"))
        with pytest.raises(Stale):
            await side.records.delete(own, "1", etag)
        assert await side.records.get(own, "1") is not None

    async def test_deleting_what_is_not_there_changes_nothing(self, side: Side, own: str) -> None:
        await side.records.delete(own, "1")

    async def test_of_many_who_delete_what_they_read_one_succeeds(
        self, side: Side, own: str
    ) -> None:
        etag = await side.records.insert(own, "1", Note(text="once"))
        deletes = [side.records.delete(own, "1", etag) for _ in range(4)]
        results = await asyncio.gather(*deletes, return_exceptions=True)
        assert [type(r) for r in results if r is not None] == [Stale] * 3
        with pytest.raises(Stale):
            await side.records.delete(own, "1", etag)

    async def test_a_page_is_sorted_and_excludes_its_bounds(self, side: Side, own: str) -> None:
        for key in ("b", "d", "a", "c", "B"):
            await side.records.put(own, key, Note(text=key))
        await side.records.put(own + "2", "b", Note(text="of another partition"))
        assert [r.key for r in await side.records.page(own)] == ["B", "a", "b", "c", "d"]
        assert [r.key for r in await side.records.page(own, after="a", before="d")] == ["b", "c"]
        assert [r.value.text for r in await side.records.page(own, limit=2)] == ["B", "a"]
        assert await side.records.page("of nobody") == []

    @pytest.mark.parametrize(
        "strange",
        ["a\x00b", "a\nb", "a/b", "a\\b", "a?b", "a#b", "x" * 513, "a\ud800", "a\uffff"],
    )
    async def test_where_no_record_can_be_none_is_found(self, side: Side, strange: str) -> None:
        assert await side.records.get(strange, "1") is None
        assert await side.records.get("strange", strange) is None
        assert await side.records.page(strange) == []
        await side.records.delete("strange", strange)

    @pytest.mark.parametrize("strange", ["b\x00", "b\n", "b\x7f", "b\ud800", "b\ufffe", "x" * 513])
    async def test_behind_what_can_be_no_key_a_page_is_the_first(
        self, side: Side, own: str, strange: str
    ) -> None:
        for key in ("a", "b"):
            await side.records.put(own, key, Note(text=key))
        assert [r.key for r in await side.records.page(own, after=strange)] == ["a", "b"]

    async def test_a_bound_is_a_value_and_never_a_part_of_the_query(
        self, side: Side, own: str
    ) -> None:
        await side.records.put(own, "a", Note(text="a"))
        assert await side.records.page("x' or PartitionKey ne '") == []
        assert await side.records.page(own, after="b' or RowKey gt '") == []

    @pytest.mark.parametrize("key", ["", "a/b", "a\\b", "a#b", "a?b", "a\nb", "x" * 513])
    async def test_a_key_that_no_table_can_hold_is_absent_and_refused(
        self, side: Side, own: str, key: str
    ) -> None:
        assert await side.records.get(own, key) is None
        await side.records.delete(own, key)
        with pytest.raises(ValueError, match="key"):
            await side.records.insert(own, key, Note(text=""))

    async def test_a_record_beyond_a_megabyte_is_refused(self, side: Side, own: str) -> None:
        with pytest.raises(ValueError, match="record"):
            await side.records.put(own, "1", Note(text="x" * 500_000))


class TestTrail:
    async def test_what_was_added_is_read_between_bounds_in_the_order_of_keys(
        self, side: Side, own: str
    ) -> None:
        for key in ("b-2", "a-1", "c-3"):
            await side.trail.insert(own, key, Note(text=key))
        await side.trail.insert(f"{own}-2", "b-2", Note(text="of another partition"))
        assert [r.key for r in await side.trail.page(own)] == ["a-1", "b-2", "c-3"]
        assert [r.key for r in await side.trail.page(own, after="a-1", before="c~")] == [
            "b-2",
            "c-3",
        ]
        assert [r.value.text for r in await side.trail.page(own, after="a~", limit=1)] == ["b-2"]

    async def test_nothing_that_was_added_is_replaced(self, side: Side, own: str) -> None:
        await side.trail.insert(own, "1", Note(text="first"))
        with pytest.raises(AlreadyExists):
            await side.trail.insert(own, "1", Note(text="second"))
        assert [r.value.text for r in await side.trail.page(own)] == ["first"]

    def test_it_can_be_added_to_and_read_and_nothing_else(self, side: Side) -> None:
        assert {name for name in dir(side.trail) if not name.startswith("_")} == {"insert", "page"}


class TestBlobs:
    async def test_a_listing_has_the_prefix_and_the_order_of_names(
        self, side: Side, own: str
    ) -> None:
        for name in ("b/2", "a", "b/10", "É ł #?%25"):
            await side.blobs.write(f"{own}/{name}", b"12345")
        found = [info async for info in side.blobs.list(f"{own}/")]
        names = ["a", "b/10", "b/2", "É ł #?%25"]
        assert [info.name for info in found] == [f"{own}/{name}" for name in names]
        assert {info.size for info in found} == {5}
        assert [i.name async for i in side.blobs.list(f"{own}/b/")] == [
            f"{own}/b/10",
            f"{own}/b/2",
        ]
        for info in found:
            assert await side.blobs.info(info.name) == info

    @pytest.mark.parametrize(
        "strange", ["\x00", "\x0b", "\x1f", "\ud800", "\ufffe", "\uffff", "x" * 1025]
    )
    async def test_no_blob_begins_with_what_no_listing_can_tell(
        self, side: Side, own: str, strange: str
    ) -> None:
        await side.blobs.write(f"{own}/a", b"x")
        assert [info async for info in side.blobs.list(f"{own}/{strange}")] == []

    @pytest.mark.parametrize(
        "odd", ["\x7f", "\x85", "\u202e", "\ufeff", "\U0001f642", "%00", "\t", "."]
    )
    async def test_other_odd_letters_are_a_name_like_any(
        self, side: Side, own: str, odd: str
    ) -> None:
        await side.blobs.write(f"{own}/{odd}a", b"x")
        found = [info.name async for info in side.blobs.list(f"{own}/{odd}")]
        assert found == [f"{own}/{odd}a"]

    async def test_an_absent_blob_has_no_info_and_cannot_be_read(
        self, side: Side, own: str
    ) -> None:
        assert await side.blobs.info(own) is None
        with pytest.raises(Missing):
            await side.blobs.read(own)
        with pytest.raises(Missing):
            await anext(side.blobs.stream(own))
        with pytest.raises(Stale):
            await anext(side.blobs.stream(own, '"0x8DE000000000000"'))

    @pytest.mark.parametrize("size", [0, 1, 4 * MIB, 4 * MIB + 1, 9 * MIB])
    async def test_a_blob_streams_whole_in_pieces(self, side: Side, own: str, size: int) -> None:
        data = bytes(range(256)) * (size // 256) + bytes(size % 256)
        await side.blobs.write(own, data)
        info = await side.blobs.info(own)
        assert info is not None
        streamed = [piece async for piece in side.blobs.stream(own, info.etag)]
        assert b"".join(streamed) == data == await side.blobs.read(own)
        assert max(map(len, streamed), default=0) <= 4 * MIB
        assert len(streamed) == -(-size // (4 * MIB))

    async def test_writing_changes_the_etag_even_if_nothing_else(
        self, side: Side, own: str
    ) -> None:
        await side.blobs.write(own, b"same")
        first = await side.blobs.info(own)
        await side.blobs.write(own, b"same")
        second = await side.blobs.info(own)
        assert first is not None
        assert second is not None
        assert first.etag != second.etag
        with pytest.raises(Stale):
            await anext(side.blobs.stream(own, first.etag))

    @pytest.mark.parametrize("pinned", [True, False])
    async def test_a_stream_stops_once_the_blob_is_replaced(
        self, side: Side, own: str, pinned: bool
    ) -> None:
        await side.blobs.write(own, bytes(9 * MIB))
        info = await side.blobs.info(own)
        assert info is not None
        stream = side.blobs.stream(own, info.etag if pinned else None)
        await anext(stream)
        await side.blobs.write(own, b"\x01" * 9 * MIB)
        with pytest.raises(Stale):
            await exhaust(stream)

    async def test_an_empty_blob_of_another_version_is_stale(self, side: Side, own: str) -> None:
        await side.blobs.write(own, b"")
        info = await side.blobs.info(own)
        assert info is not None
        await side.blobs.write(own, b"")
        with pytest.raises(Stale):
            await anext(side.blobs.stream(own, info.etag))

    async def test_a_range_is_read_where_it_lies(self, side: Side, own: str) -> None:
        await side.blobs.write(own, b"0123456789" * MIB)
        info = await side.blobs.info(own)
        assert info is not None
        assert await side.blobs.read_range(own, info.etag, 0, 4) == b"0123"
        assert await side.blobs.read_range(own, info.etag, 10 * MIB - 3, 3) == b"789"
        large = await side.blobs.read_range(own, info.etag, 5, 5 * MIB)
        assert (len(large), large[:6]) == (5 * MIB, b"567890")

    async def test_a_range_of_another_version_is_stale(self, side: Side, own: str) -> None:
        await side.blobs.write(own, b"old")
        info = await side.blobs.info(own)
        assert info is not None
        await side.blobs.write(own, b"new")
        with pytest.raises(Stale):
            await side.blobs.read_range(own, info.etag, 0, 3)
        await side.blobs.delete(own)
        with pytest.raises(Stale):
            await side.blobs.read_range(own, info.etag, 0, 3)

    @pytest.mark.parametrize("packed", [True, False])
    async def test_a_blob_is_read_as_it_is_stored_whatever_its_encoding_is_called(
        self, side: Side, own: str, packed: bool
    ) -> None:
        name = f"{own}/{packed}"
        noise = os.urandom(9 * MIB)  # which gzip makes no smaller
        data = gzip.compress(noise, 1) if packed else noise
        await side.blobs.write(name, data)
        await side.encode(name)
        info = await side.blobs.info(name)
        assert info is not None
        streamed = [piece async for piece in side.blobs.stream(name, info.etag)]
        assert b"".join(streamed) == data == await side.blobs.read(name)
        assert await side.blobs.read_range(name, info.etag, 7, 5 * MIB) == data[7 : 7 + 5 * MIB]

    async def test_a_blob_in_the_archive_tier_is_listed_and_withheld(
        self, side: Side, own: str
    ) -> None:
        await side.blobs.write(own, b"cold")
        before = await side.blobs.info(own)
        await side.archive(own)
        info = await side.blobs.info(own)
        assert before is not None
        assert info is not None
        assert (before.archived, info.archived) == (False, True)
        assert [each async for each in side.blobs.list(own)] == [info]
        for read in (
            side.blobs.read(own),
            anext(side.blobs.stream(own, info.etag)),
            side.blobs.read_range(own, info.etag, 0, 4),
        ):
            with pytest.raises(Withheld) as caught:
                await read
            assert caught.value.code == "BlobArchived"

    async def test_what_only_marks_a_folder_is_no_blob(self, side: Side, own: str) -> None:
        await side.mark_folder(f"{own}/run.parquet")
        await side.blobs.write(f"{own}/run.parquet/1", b"x")
        assert [info.name async for info in side.blobs.list(own)] == [f"{own}/run.parquet/1"]
        assert await side.blobs.info(f"{own}/run.parquet") is None

    async def test_a_lease_keeps_nobody_from_reading(self, side: Side, own: str) -> None:
        await side.blobs.write(own, b"held")
        await side.leases.acquire(own)
        assert await side.blobs.read(own) == b"held"

    async def test_of_many_who_create_a_blob_one_does(self, side: Side, own: str) -> None:
        tries = (side.blobs.create(own, b"%d" % number) for number in range(5))
        ended = await asyncio.gather(*tries, return_exceptions=True)
        assert [type(each) for each in ended if each] == [AlreadyExists] * 4
        assert await side.blobs.read(own) == b"%d" % ended.index(None)

    async def test_pieces_are_written_as_one_blob(self, side: Side, own: str) -> None:
        await side.blobs.write(own, pieces(b"1" * 5 * MIB, b"", b"2" * 10, b"3" * 4 * MIB))
        assert await side.blobs.read(own) == b"1" * 5 * MIB + b"2" * 10 + b"3" * 4 * MIB
        await side.blobs.write(own, pieces())
        assert await side.blobs.read(own) == b""

    async def test_pieces_that_end_in_an_error_leave_the_blob_as_it_was(
        self, side: Side, own: str
    ) -> None:
        async def broken() -> AsyncIterator[bytes]:
            yield b"new" * 2 * MIB
            raise KeyError("planted")

        await side.blobs.write(own, b"old")
        with pytest.raises(KeyError, match="planted"):
            await side.blobs.write(own, broken())
        assert await side.blobs.read(own) == b"old"

    async def test_deleting_takes_all_with_the_prefix_and_nothing_else(
        self, side: Side, own: str
    ) -> None:
        names = [f"{own}/run/É #?%25 {n}" for n in range(5)]
        for name in [*names, f"{own}/runner"]:
            await side.blobs.write(name, b"x")
        await side.blobs.delete(f"{own}/run/")
        assert [info.name async for info in side.blobs.list(own)] == [f"{own}/runner"]
        await side.blobs.delete(f"{own}/run/")


class TestLeases:
    async def test_only_one_holds_a_lease(self, side: Side, own: str) -> None:
        taken = await asyncio.gather(*(side.leases.acquire(own) for _ in range(4)))
        assert sum(lease is not None for lease in taken) == 1
        assert await side.leases.acquire(own) is None

    async def test_a_lease_is_held_until_it_is_released(self, side: Side, own: str) -> None:
        assert not await side.leases.is_held(own)
        lease = await side.leases.acquire(own)
        assert lease is not None
        assert await side.leases.is_held(own)
        assert await side.leases.renew(own, lease)
        await side.leases.release(own, lease)
        assert not await side.leases.is_held(own)
        assert await side.leases.acquire(own) not in (None, lease)

    async def test_a_lost_lease_is_not_renewed_and_its_release_frees_nothing(
        self, side: Side, own: str
    ) -> None:
        lost = await side.leases.acquire(own)
        assert lost is not None
        await side.take_lease_away(own)
        assert not await side.leases.is_held(own)
        assert not await side.leases.renew(own, lost)
        assert await side.leases.acquire(own) is not None
        assert not await side.leases.renew(own, lost)
        await side.leases.release(own, lost)
        assert await side.leases.is_held(own)

    async def test_nobody_holds_what_was_never_asked_for(self, side: Side, own: str) -> None:
        lease = "00000000-0000-4000-8000-000000000000"
        assert not await side.leases.renew(own, lease)
        await side.leases.release(own, lease)
        assert not await side.leases.is_held(own)


async def test_a_lease_in_memory_ends_60_seconds_after_it_was_last_renewed() -> None:
    clock = FakeClock()
    leases = MemoryLeases(clock)
    lease = await leases.acquire("lane")
    assert lease is not None
    clock.advance(59)
    assert await leases.renew("lane", lease)
    clock.advance(59)
    assert await leases.is_held("lane")
    clock.advance(1)
    assert not await leases.renew("lane", lease)
    assert await leases.acquire("lane") is not None


class TestQueue:
    async def test_a_message_is_received_as_it_was_sent(self, side: Side) -> None:
        await side.queue.send(Note(text="É 李 <&>"))
        assert await side.visible() == [Note(text="É 李 <&>").model_dump_json()]

    async def test_messages_are_counted_hidden_ones_too(self, side: Side) -> None:
        before = await side.backlog.count()
        await side.queue.send(Note(text="now"))
        await side.queue.send(Note(text="later"), delay=600)
        assert await side.backlog.count() == before + 2
        await side.visible()

    async def test_where_there_is_no_queue_there_is_no_message(self, side: Side) -> None:
        assert await side.no_backlog.count() == 0

    async def test_a_delayed_message_is_not_visible_yet(self, side: Side) -> None:
        await side.queue.send(Note(text="later"), delay=0.5)
        await side.queue.send(Note(text="much later"), delay=7 * 24 * 3600)
        await side.queue.send(Note(text="now"))
        assert await side.visible() == [Note(text="now").model_dump_json()]

    async def test_a_message_of_48_kib_fits_and_a_longer_one_does_not(self, side: Side) -> None:
        around = len(Note(text="").model_dump_json())
        await side.queue.send(Note(text="x" * (48 * 1024 - around)))
        assert len(await side.visible()) == 1
        with pytest.raises(ValueError, match="message"):
            await side.queue.send(Note(text="x" * (48 * 1024 - around + 1)))

    @pytest.mark.parametrize("delay", [-1, 7 * 24 * 3600 + 1])
    async def test_a_delay_out_of_range_is_refused(self, side: Side, delay: int) -> None:
        with pytest.raises(ValueError, match="delay"):
            await side.queue.send(Note(text="never"), delay)


async def test_a_queue_in_memory_shows_messages_in_the_order_they_become_due() -> None:
    clock = FakeClock()
    queue = MemoryQueue(clock)
    await queue.send(Note(text="second"), delay=9.5)
    await queue.send(Note(text="first"), delay=3)
    clock.advance(9)
    assert queue.take() == [Note(text="first")]
    clock.advance(1)
    assert queue.take() == [Note(text="second")]
    assert queue.waiting == []


@pytest.fixture(params=["memory", REAL])
def secrets(request: pytest.FixtureRequest) -> Secrets:
    if request.param == "memory":
        return MemorySecrets()
    vault: SecretClient = request.getfixturevalue("vault")
    return KeyVaultSecrets(vault)


class TestSecrets:
    async def test_the_newest_version_is_read(self, secrets: Secrets) -> None:
        await secrets.set("connection-newest", "one")
        await secrets.set("connection-newest", "two")
        assert await secrets.get("connection-newest") == "two"

    async def test_a_secret_that_is_not_there_is_missing(self, secrets: Secrets) -> None:
        with pytest.raises(Missing):
            await secrets.get("connection-absent")
        await secrets.delete("connection-absent")

    async def test_a_deleted_name_is_gone_and_stays_taken(self, secrets: Secrets) -> None:
        await secrets.set("connection-deleted", "one")
        await secrets.delete("connection-deleted")
        with pytest.raises(Missing):
            await secrets.get("connection-deleted")
        with pytest.raises(AlreadyExists):
            await secrets.set("connection-deleted", "two")

    @pytest.mark.parametrize(
        ("name", "value"), [("", "x"), ("a_b", "x"), ("a" * 128, "x"), ("long", "x" * 25_601)]
    )
    async def test_what_no_vault_holds_is_refused_and_never_shown(
        self, secrets: Secrets, name: str, value: str
    ) -> None:
        with pytest.raises(ValueError, match=r"vault") as refused:
            await secrets.set(name, value)
        assert "xxx" not in str(refused.value)
