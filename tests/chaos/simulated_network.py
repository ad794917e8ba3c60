"""The way from a process to the vendors, and the book of all that was written there."""

import asyncio
from collections.abc import Mapping
from contextvars import Context
from dataclasses import dataclass, field

import httpx

from shared.telemetry.logs import _run as run_at_work  # nobody else is told which run it is
from tests.chaos.simulated_files import Names
from tests.chaos.simulated_process import Execution, Held, Process, execution_now, upset
from tests.chaos.simulated_vendors import Vendor
from tests.chaos.simulated_weather import STORAGE, Weather
from tests.contract.destinations.side import InProcess

_RESET_AFTER = 0.01
_GATEWAY_AFTER = 0.005  # a 502 in place of the answer
_NO_STORAGE = 0.03  # of the looks at jobs
_NO_STORAGE_FOR = (5, 15)  # seconds: about as long as a client of storage tries
_GOES_ON = 0.5  # of the requests whose client died: they had been sent


@dataclass(eq=False)
class Write:
    """A request that writes profiles, begun `at` a second. It took effect once it is `accepted`."""

    at: float
    run: str
    held: Held
    execution: Execution
    lane: str
    profiles: Mapping[str, Names]
    accepted: bool = False
    refused: bool = False  # as a whole, for some of its profiles
    lost: bool = False  # its answer never came, or another one did in its place
    ended: float = float("inf")  # when the vendor was done with it

    @property
    def slice(self) -> tuple[int, str, int]:
        """Which slice sent it: an execution may work on several, also of one run."""
        return self.execution.number, self.run, self.held.number


@dataclass
class Book:
    """Every request that wrote profiles, in the order in which they began."""

    writes: list[Write] = field(default_factory=list)
    clashes: list[str] = field(default_factory=list)
    most: dict[str, int] = field(default_factory=dict)  # under way at once, by vendor
    _open: list[Write] = field(default_factory=list)

    def begin(self, write: Write, vendor: str) -> None:
        """Enter a write, and note whether somebody else writes in the same lane."""
        for other in self._open:
            upset = other.execution.upset or write.execution.upset
            if other.lane == write.lane and other.slice != write.slice and not upset:
                self.clashes.append(f"{other.run} and {write.run} in {write.lane}")
        self.writes.append(write)
        self._open.append(write)
        together = sum(each.slice == write.slice for each in self._open)
        self.most[vendor] = max(self.most.get(vendor, 0), together)

    def end(self, write: Write) -> None:
        """Note that a write is over."""
        self._open.remove(write)


class Network(httpx.AsyncBaseTransport):
    """The vendors, as a process reaches them. What it had sent when it died may have arrived, or not."""

    def __init__(self, process: Process, vendors: Mapping[str, Vendor], book: Book) -> None:
        self._process = process
        self._vendors = vendors
        self._book = book
        self._weather: Weather = process.weather

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            response = await self._process.live(lambda: self._ask(request))
        except httpx.RequestError:
            self._count("vendors' resets", request)
            raise
        if not response.is_success:
            self._count(f"vendors' {'429' if response.status_code == 429 else '5xx'}", request)
        return response

    def _count(self, what: str, request: httpx.Request) -> None:
        self._weather.met[what] += 1
        if _looks_at_jobs(self._vendor(request), request):
            self._weather.met["looks at jobs that failed"] += 1
        upset()

    def _vendor(self, request: httpx.Request) -> Vendor:
        host = request.url.host
        return next(each for each in self._vendors.values() if host.endswith(each.hosts))

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        vendor, host = self._vendor(request), request.url.host
        if _looks_at_jobs(vendor, request):
            self._take_storage_away()
        profiles, execution = vendor.written(request), execution_now()
        write = None
        if profiles is not None and execution is not None:
            lane = vendor.name if vendor.name == "constant_contact" else host
            run = run_at_work.get()
            at = self._weather.clock.monotonic()
            write = Write(at, run, execution.slices[run], execution, lane, profiles)
            self._book.begin(write, vendor.name)
        task = asyncio.get_running_loop().create_task(
            self._answered(vendor, request, write), context=Context()
        )
        try:
            response = await asyncio.shield(task)
        except asyncio.CancelledError:
            if self._weather.chance("requests of the dead").random() < _GOES_ON:
                task.add_done_callback(_heeded)
            else:
                task.cancel()
            raise
        if self._weather.strikes("resets of what had arrived", _RESET_AFTER):
            _lose(write)
            raise httpx.ReadError("connection reset by peer", request=request)
        if self._weather.strikes("502 of what had arrived", _GATEWAY_AFTER):
            _lose(write)
            return httpx.Response(502, html="<html>Bad Gateway</html>", request=request)
        return response

    def _take_storage_away(self) -> None:
        """Have a part of storage stop, or all of it, now that jobs are looked at, and until that is over."""
        if self._weather.strikes("storage stopped while jobs are looked at", _NO_STORAGE):
            chance = self._weather.chance("parts of storage")
            seconds = self._weather.plan.latency + chance.uniform(*_NO_STORAGE_FOR)
            for part in chance.choice((*((each,) for each in STORAGE), STORAGE)):
                self._weather.stop(part, seconds)

    async def _answered(
        self, vendor: Vendor, request: httpx.Request, write: Write | None
    ) -> httpx.Response:
        try:
            response = await InProcess(vendor.app).handle_async_request(request)
            if write:
                write.accepted = response.is_success
                write.refused = response.status_code == httpx.codes.BAD_REQUEST
            return response
        finally:
            if write:
                write.ended = self._weather.clock.monotonic()
                self._book.end(write)


def _looks_at_jobs(vendor: Vendor, request: httpx.Request) -> bool:
    return bool(vendor.jobs) and request.method == "GET" and request.url.path.endswith(vendor.jobs)


def _lose(write: Write | None) -> None:
    if write:
        write.lost = True


def _heeded(task: asyncio.Task[httpx.Response]) -> None:
    """Ask for the error of a request whose client is gone, or asyncio would complain."""
    if not task.cancelled():
        task.exception()
