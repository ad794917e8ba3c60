"""Runs one local server on the loopback address, with connections a server may reset."""

import contextlib
import socket
import struct
from asyncio import Transport
from functools import partial
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

HOST = "127.0.0.1"
RESET = "local.reset"


class ResettableProtocol(H11Protocol):
    """HTTP/1.1 that lends each request its connection: `scope["extensions"][RESET]["reset"]()`."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Put the application behind one that adds the extension for this connection."""
        super().connection_made(transport)
        served: ASGIApp = self.app

        async def lending(scope: Scope, receive: Receive, send: Send) -> None:
            extensions = scope.setdefault("extensions", {})
            extensions[RESET] = {"reset": partial(_reset, transport)}
            await served(scope, receive, send)

        self.app = lending

    def shutdown(self) -> None:
        """Close; over TLS without waiting half a minute for a client that left to say goodbye."""
        super().shutdown()
        if self.transport.is_closing():
            self.transport.abort()


def _reset(transport: Transport) -> None:
    if transport.is_closing():  # the client was first
        return
    # A linger of zero makes the kernel send RST; a plain close would look like an orderly end.
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def config(
    app: ASGIApp, *, port: int = 0, certificate: Path | None = None, key: Path | None = None
) -> uvicorn.Config:
    """Uvicorn's settings for every local server; with `certificate` and `key` it speaks TLS."""
    return uvicorn.Config(
        app,
        host=HOST,
        port=port,
        http=ResettableProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        # uvicorn's own 5 s make it close connections that a client is about to use again.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )


def serve(
    app: ASGIApp, *, port: int, certificate: Path | None = None, key: Path | None = None
) -> None:
    """Serve until SIGINT or SIGTERM."""
    server = uvicorn.Server(config(app, port=port, certificate=certificate, key=key))
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
