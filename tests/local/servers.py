"""Runs an ASGI application on a free loopback port for as long as a test needs it."""

import asyncio
import atexit
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

from local import addresses
from local.certificates import Certificates
from local.serving import HOST, config

_held = ExitStack()
atexit.register(_held.close)


def free_port() -> int:
    """A port that nobody listens on, and that nobody else is given while these tests run."""
    return addresses.free_port(0, _held)


@contextmanager
def serving(
    app: ASGIApp, *, port: int | None = None, certificates: Certificates | None = None
) -> Iterator[str]:
    """Serve `app` in a thread; yields its address. Over TLS when `certificates` are given."""
    listener = socket.create_server((HOST, port or 0))
    # asyncio leaves it out where a listener was made so, and each answer would wait 40 ms for an
    # acknowledgment.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = uvicorn.Server(
        config(
            app,
            certificate=certificates.certificate if certificates else None,
            key=certificates.key if certificates else None,
        )
    )
    # The socket listens already, so a client that comes early waits instead of being refused.
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    scheme = "https" if certificates else "http"
    try:
        yield f"{scheme}://{HOST}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=30)
        listener.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another thread or process does; TimeoutError after 10 seconds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 # nobody can set an event for us
            await asyncio.sleep(0.01)


@asynccontextmanager
async def command(module: str, *arguments: str) -> AsyncIterator[None]:
    """`python -m module arguments` while a test needs it; it must end when it is told to."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", module, *arguments)
    try:
        yield
    finally:
        process.terminate()
        async with asyncio.timeout(10):
            await process.wait()
