"""Keeps what a sandbox is asked, a JSON object a line, so that it can be held against a description.

`at` is when a request came, in seconds since 1970 on the machine's clock. Authorisation is not kept. Bodies
are kept whole, so the number of requests is bounded.
"""

import json
import time
from pathlib import Path

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST = 2_000  # requests
_OURS = ("/sandbox", "/health")


def recorded(app: ASGIApp, file: Path | None, most: int = MOST) -> ASGIApp:
    """Return the application, which from now on writes down its first requests if a file is given."""
    if file is None:
        return app
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("")
    written = 0

    async def recording(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal written
        if scope["type"] != "http" or scope["path"].startswith(_OURS) or written >= most:
            await app(scope, receive, send)
            return
        written += 1
        body = await Request(scope, receive).body()
        line = {
            "at": time.time(),
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode(),
            "body": body.decode(errors="replace"),
        }
        with file.open("a") as lines:
            lines.write(json.dumps(line) + "\n")
        await app(scope, _from_the_start(body, receive), send)

    return recording


def _from_the_start(body: bytes, receive: Receive) -> Receive:
    """Give the body once more, and then whatever else comes."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body}

    return again
