"""What the contract asks of a destination and its sandbox; `sides.py` has one for each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import httpx
from starlette.types import ASGIApp

from local.sandbox.kit.faults import Fault, Faults
from shared.destinations.contract import Destination
from shared.destinations.model import Credentials
from shared.domain.connection import Account
from tests.fakes.clock import FakeClock


class Side(Protocol):
    """A destination and one account of its sandbox, on a clock that jumps when nobody can run."""

    @property
    def vendor(self) -> str:
        """Its name in the check of requests; empty where there is no published description."""

    @property
    def clock(self) -> FakeClock:
        """The clock of the engine and of the sandbox."""

    @property
    def destination(self) -> Destination:
        """What is held to the contract."""

    @property
    def app(self) -> ASGIApp:
        """The sandbox."""

    @property
    def faults(self) -> Faults:
        """The faults that the sandbox shows."""

    @property
    def list_id(self) -> str:
        """The list that the export sends to."""

    @property
    def names(self) -> Mapping[str, str]:
        """What first_name and last_name are called in `contact`."""

    @property
    def write_path(self) -> str:
        """A pattern of the path that profiles are posted to."""

    async def sign_in(
        self, http: httpx.AsyncClient, number: int = 1
    ) -> tuple[Credentials, Account]:
        """Get credentials for an account in the way that a person would. All else is about the first."""

    def list_of(self, number: int) -> str:
        """Return the id of a list of an account; the first one's is `list_id`."""

    def revoke(self) -> None:
        """Let nobody in any more who was let in before."""

    def restore(self) -> None:
        """Undo what `revoke` did to those that sign in from now on."""

    def active(self) -> set[str]:
        """Return the addresses that get mail from the list."""

    def contact(self, address: str) -> Mapping[str, object] | None:
        """Return the fields that are stored for an address."""

    def received(self, address: str) -> int:
        """Return how often an address was written."""

    def unsubscribe(self, address: str) -> None:
        """Have the person leave, whether or not the address was known before."""

    def limit_refusals(self) -> Mapping[str, int]:
        """Return how many requests were refused for exceeding a limit, by limit."""

    def lower_limit(self) -> None:
        """Halve the limit that binds, as a vendor can at any time."""

    def use_up(self) -> None:
        """Leave nothing of a limit of the first account for a minute or so, as another program can."""

    def floor(self, profiles: int) -> float:
        """Return how many seconds so many profiles take at least, by the sandbox's own limits."""

    def flow(self, requests: int) -> float:
        """Return how many seconds so many requests take at least, by the sandbox's own limits."""


class SandboxClock:
    """A sandbox's clock (local/sandbox/kit/clock.py) that is the engine's."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock

    def now(self) -> float:
        """Return seconds since the epoch."""
        return self._clock.now().timestamp()

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has moved on."""
        await self._clock.sleep(seconds)


@dataclass
class InProcess(httpx.AsyncBaseTransport):
    """A network without sockets: requests go straight to the sandbox, and cut ones come back as such.

    httpx's own transport for applications lets their errors through; on a real network what a sandbox
    raises to cut a connection is a connection that was cut.
    """

    app: ASGIApp

    def __post_init__(self) -> None:
        self._inner = httpx.ASGITransport(self.app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        try:
            return await self._inner.handle_async_request(request)
        except ConnectionResetError as error:
            raise httpx.ReadError(str(error), request=request) from error


def fault(kind: str, path: str, **more: object) -> Fault:
    """Return a fault of a sandbox."""
    return Fault.model_validate({"kind": kind, "path": path, **more})
