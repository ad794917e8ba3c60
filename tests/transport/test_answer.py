"""Answers are read in pieces, and only so far: in bytes once they are decoded, and in time as a whole."""

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from shared.domain.errors import TryLater
from shared.transport.answer import AnswerLimits, AnswerTooLarge
from shared.transport.client import VendorSignIn
from shared.transport.fast_client import VENDOR, open_http
from shared.transport.verdict import lost
from shared.transport.webhook import Webhook

MIB = 1024 * 1024
LIMITS = AnswerLimits(bytes=2 * MIB, seconds=20)

type Serve = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def served(serve: Serve) -> AsyncIterator[str]:
    """Give the address of a server on a real socket that answers each request by `serve`."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        serving, gone = asyncio.ensure_future(serve(writer)), asyncio.ensure_future(_gone(reader))
        try:
            await asyncio.wait((serving, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            serving.cancel()
            gone.cancel()
            await asyncio.gather(serving, gone, return_exceptions=True)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _gone(reader: asyncio.StreamReader) -> None:
    """Return once whoever asked has gone, whatever else it sends."""
    while await reader.read(1024):
        continue


def head(length: int, encoding: str = "", status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {length}", "Connection: close"]
    if encoding:
        lines.append(f"Content-Encoding: {encoding}")
    return "\r\n".join([*lines, "", ""]).encode()


def whole(body: bytes, encoding: str = "", status: str = "200 OK") -> Serve:
    async def serve(writer: asyncio.StreamWriter) -> None:
        writer.write(head(len(body), encoding, status) + body)
        await writer.drain()

    return serve


def bomb(size: int) -> bytes:
    """Return the gzip of so many zeros, without ever having all of them in memory."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    packed = b"".join(packer.compress(bytes(MIB)) for _ in range(size // MIB))
    return packed + packer.flush()


async def endless(writer: asyncio.StreamWriter) -> None:
    """Answer without an end."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
        await writer.drain()


async def silent(writer: asyncio.StreamWriter) -> None:
    """Begin an answer, and never end it."""
    writer.write(head(100) + b"{")
    await writer.drain()
    await asyncio.Event().wait()


async def dripping(writer: asyncio.StreamWriter) -> None:
    """Give a byte at a time, so that no single read waits for long."""
    writer.write(head(1_000_000_000))
    while True:
        writer.write(b" ")
        await writer.drain()
        loop = asyncio.get_running_loop()
        later = loop.create_future()
        loop.call_later(0.02, later.set_result, None)
        await later


async def test_a_compressed_answer_is_read_as_what_it_holds() -> None:
    said = b'{"ok": true}' * 100_000
    async with served(whole(gzip.compress(said), "gzip")) as url, open_http() as http:
        assert (await http.get(url)).content == said


async def test_an_answer_of_exactly_the_limit_is_read_and_one_byte_more_is_not() -> None:
    for more in (0, 1):
        body = bytes(LIMITS.bytes + more)
        for serve in (whole(body), whole(gzip.compress(body), "gzip")):
            async with served(serve) as url, open_http(limits=LIMITS) as http:
                if more:
                    with pytest.raises(AnswerTooLarge):
                        await http.get(url)
                else:
                    assert len((await http.get(url)).content) == LIMITS.bytes


async def test_a_small_answer_that_unpacks_to_hundreds_of_megabytes_takes_hardly_any_memory() -> (
    None
):
    packed = bomb(400 * MIB)
    assert len(packed) < 500_000
    async with served(whole(packed, "gzip")) as url, open_http(limits=LIMITS) as http:
        tracemalloc.start()
        try:
            with pytest.raises(AnswerTooLarge):
                await http.get(url)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 4 * LIMITS.bytes


async def behind_its_end(writer: asyncio.StreamWriter) -> None:
    """Answer with a whole gzip, and then go on without an end."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n")
    packed = gzip.compress(b"{}")
    writer.write(f"{len(packed):x}\r\n".encode() + packed + b"\r\n")
    while True:
        writer.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
        await writer.drain()


async def test_what_stands_behind_the_end_of_a_compressed_answer_is_not_read() -> None:
    async with served(behind_its_end) as url, open_http(limits=LIMITS) as http:
        assert (await http.get(url)).content == b"{}"


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip"])
async def test_what_cannot_be_unpacked_piece_by_piece_is_not_unpacked(encoding: str) -> None:
    async with served(whole(gzip.compress(b"{}"), encoding)) as url, open_http() as http:
        with pytest.raises(httpx.DecodingError):
            await http.get(url)


async def test_only_what_can_be_read_is_asked_for() -> None:
    request = open_http().build_request("GET", "https://us1.test/")
    assert request.headers["accept-encoding"] == "gzip"


async def test_an_answer_without_end_ends_at_the_limit() -> None:
    async with served(endless) as url, open_http(limits=LIMITS) as http:
        with pytest.raises(AnswerTooLarge):
            await http.get(url)


@pytest.mark.parametrize("serve", [silent, dripping], ids=lambda each: each.__name__)
async def test_an_answer_has_a_time_as_a_whole(serve: Serve) -> None:
    async with served(serve) as url, open_http(limits=replace(LIMITS, seconds=0.3)) as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.get(url)


def test_the_limits_of_vendors_leave_room_for_their_longest_answers() -> None:
    assert 10_000_000 < VENDOR.bytes <= 16 * MIB
    assert 155 < VENDOR.seconds <= 180


async def test_too_long_an_answer_of_a_vendor_is_tried_later_and_says_why() -> None:
    async with served(whole(bomb(20 * MIB), "gzip")) as url, open_http() as http:
        sign_in = VendorSignIn(http, "acme", "Acme", lambda _: None)
        with pytest.raises(TryLater, match="Acme gave an answer that is far too long"):
            await sign_in.get_json(url, {})


def test_a_timeout_of_the_whole_is_one_like_another() -> None:
    assert "did not answer in time" in str(lost("Acme", httpx.ReadTimeout("")))


AT = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.mark.parametrize(("status", "said"), [("200 OK", None), ("500 Oh", "500")])
async def test_whether_a_webhook_was_taken_does_not_depend_on_how_much_it_answers(
    status: str, said: str | None
) -> None:
    async with served(whole(bomb(40 * MIB), "gzip", status)) as url, open_http() as http:
        tracemalloc.start()
        try:
            assert await Webhook(url, b"k" * 32).post(http, "id", AT, b"{}") == said
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 2 * MIB
