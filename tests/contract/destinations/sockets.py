"""Real sockets between the engine and a sandbox, for a clock that jumps."""

import httpx

from shared.transport.fast_client import open_http
from tests.fakes.clock import FakeClock


class Sockets(httpx.AsyncBaseTransport):
    """The network as it is, during whose calls the clock stands still."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._http = open_http()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read all of the answer."""
        with self._clock.held():
            return await self._http.send(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()
