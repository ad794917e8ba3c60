"""A blob container that remembers the small blobs written through it, so that they are not fetched again."""

from collections.abc import AsyncIterator, Sequence

from shared.storage.ports import BlobInfo, Blobs

_MOST = 4 * 1024 * 1024  # bytes in all
_SMALL = 1024 * 1024  # bytes of a blob


async def whole_if_small(pieces: AsyncIterator[bytes]) -> bytes | AsyncIterator[bytes]:
    """Return a small blob whole: written as pieces it takes a request for each, and one that joins them."""
    first, size = list[bytes](), 0
    async for piece in pieces:
        first.append(piece)
        size += len(piece)
        if size > _SMALL:
            return _chained(first, pieces)
    return b"".join(first)


async def _chained(first: Sequence[bytes], others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for piece in first:
        yield piece
    async for piece in others:
        yield piece


class Remembered:
    """Blobs that nobody else writes to while they are worked on here; what was written first is kept."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._known: dict[str, bytes] = {}
        self._size = 0  # bytes

    def list(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        """List the container."""
        return self._blobs.list(prefix)

    async def info(self, name: str) -> BlobInfo | None:
        """Ask the container."""
        return await self._blobs.info(name)

    async def read(self, name: str) -> bytes:
        """Return the whole blob; raise Missing."""
        return self._known[name] if name in self._known else await self._blobs.read(name)

    async def stream(self, name: str, etag: str | None = None) -> AsyncIterator[bytes]:
        """Yield the blob in pieces; raise Missing or Stale."""
        if name in self._known and etag is None:
            yield self._known[name]
        else:
            async for piece in self._blobs.stream(name, etag):
                yield piece

    async def read_range(self, name: str, etag: str, offset: int, size: int) -> bytes:
        """Ask the container; raise Stale."""
        return await self._blobs.read_range(name, etag, offset, size)

    async def write(self, name: str, data: bytes | AsyncIterator[bytes]) -> None:
        """Store the blob, and remember it if it is small and there is room."""
        whole = data if isinstance(data, bytes) else await whole_if_small(data)
        self._forget(name)
        await self._blobs.write(name, whole)
        if isinstance(whole, bytes) and self._size + len(whole) <= _MOST:
            self._known[name] = whole
            self._size += len(whole)

    async def create(self, name: str, data: bytes) -> None:
        """Store a blob of which there is none yet; raise AlreadyExists."""
        await self._blobs.create(name, data)

    async def delete(self, prefix: str) -> None:
        """Remove every blob whose name begins with `prefix`."""
        for name in [name for name in self._known if name.startswith(prefix)]:
            self._forget(name)
        await self._blobs.delete(prefix)

    def _forget(self, name: str) -> None:
        self._size -= len(self._known.pop(name, b""))
