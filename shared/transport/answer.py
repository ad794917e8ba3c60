"""Reading answers in pieces: how long one may be once it is decoded, and how long it may take as a whole."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

ENCODINGS = "gzip"
"""What we say that we can read. No other decoder can stop in the middle of a piece, so nothing else is."""

_GZIP = 16 + zlib.MAX_WBITS
_PIECE = 64 * 1024  # bytes that are decoded at a time
_PLAIN = ("", "identity")


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """What an answer may take."""

    bytes: int  # decoded
    seconds: float  # from the beginning of the request to the end of the answer


class AnswerTooLarge(httpx.DecodingError):
    """An answer is longer than any that is wanted; the rest of it was not read."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__("the answer is too large", request=response.request)
        self.status_code = response.status_code


@asynccontextmanager
async def in_time(limits: AnswerLimits) -> AsyncIterator[None]:
    """Raise ReadTimeout when what is inside takes longer than an answer may."""
    try:
        async with asyncio.timeout(limits.seconds):
            yield
    except TimeoutError:
        raise httpx.ReadTimeout("the answer took too long") from None


async def read_within(response: httpx.Response, limits: AnswerLimits) -> None:
    """Read an answer; raise AnswerTooLarge, or DecodingError for one that cannot be decoded."""
    if isinstance(response.stream, httpx.AsyncByteStream):
        encoding = response.headers.pop("content-encoding", "").strip().lower()
        response.stream = _Limited(response.stream, encoding, limits.bytes, response)
    if len(await response.aread()) > limits.bytes:  # of a transport that had read it already
        raise AnswerTooLarge(response)


class _Limited(httpx.AsyncByteStream):
    """The decoded bytes of an answer, up to a limit."""

    def __init__(
        self, inner: httpx.AsyncByteStream, encoding: str, most: int, response: httpx.Response
    ) -> None:
        self._inner = inner
        self._encoding = encoding
        self._left = most
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        decoder = None if self._encoding in _PLAIN else zlib.decompressobj(_GZIP)
        async for piece in self._inner:
            for decoded in (piece,) if decoder is None else self._decoded(decoder, piece):
                self._left -= len(decoded)
                if self._left < 0:
                    raise AnswerTooLarge(self._response)
                yield decoded
            if decoder is not None and decoder.eof:
                return  # it would keep whatever stands behind the end

    def _decoded(self, decoder: "zlib._Decompress", piece: bytes) -> Iterator[bytes]:
        if self._encoding not in ("gzip", "x-gzip"):
            raise httpx.DecodingError("an encoding that we did not ask for")
        try:
            yield decoder.decompress(piece, _PIECE)
            while decoder.unconsumed_tail:
                yield decoder.decompress(decoder.unconsumed_tail, _PIECE)
        except zlib.error as error:
            raise httpx.DecodingError(str(error)) from error

    async def aclose(self) -> None:
        """Give the connection back."""
        await self._inner.aclose()
