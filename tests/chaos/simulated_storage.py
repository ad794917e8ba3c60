"""Storage as a process meets it: it takes time, stops for a while, and answers can be lost.

Errors are the Azure clients' own, put through what translates them for the ports. What the clients do
by themselves is done here, too: they ask again, for some seconds, where that is safe.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import fields, replace
from inspect import isasyncgenfunction
from typing import Any

from azure.core.exceptions import AzureError, ServiceRequestError, ServiceResponseError

from shared.domain.run import Phase
from shared.storage.azure_errors import translated
from shared.storage.ports import Storage, Unavailable
from tests.chaos.simulated_process import Held, Process, break_off, execution_now, upset
from tests.chaos.simulated_weather import BLOBS, QUEUES, TABLES, VAULT
from tests.fakes.clock import FakeClock

_LATENCY = 0.05  # seconds, at most
_BACK_OFF = (1.0, 2.0, 4.0)  # seconds between the tries of a client
_LOST = 0.002  # of answers
_ARRIVES = 0.2  # of requests to a service that is stopping
_MORE = 5  # times as often does a slice stall that prepares, which writes a few times only
_PARTS = {"secrets": VAULT}
_PARTS |= dict.fromkeys(("slices", "poison_slices", "poison_arrivals"), QUEUES)
_PARTS |= dict.fromkeys(("segments", "run_files", "delivered", "checkpoints", "lanes"), BLOBS)
"""Where ports keep what they have; all others in tables."""

_KEEPS_SLICES = {"checkpoints": ("insert", "replace"), "lanes": ("renew",)}
"""Operations without which a slice can neither record what was answered nor go on."""

_STALL = (60, 900)  # seconds: longer than a lane is kept, mostly

type Call = Callable[[], Awaitable[Any]]


class TroubledPort:
    """A storage port in one process."""

    def __init__(self, port: Any, name: str, process: Process) -> None:
        self._port = port
        self._name = name
        self._process = process
        self._weather = process.weather
        self._service = _PARTS.get(name, TABLES)

    def __getattr__(self, method: str) -> Callable[..., Any]:
        call = getattr(self._port, method)
        if isasyncgenfunction(call):
            return lambda *given, **named: self._pieces(method, call(*given, **named))
        if self._name == "run_files" and method == "write":
            call = self._stalling_preparers(call)
        if self._name == "checkpoints":
            call = _noting_slices(self._stalling(call), self._weather.clock)
        return lambda *given, **named: self._process.live(
            lambda: self._do(method, lambda: call(*given, **named))
        )

    def _stalling(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return what may pause its process right before it writes, as a slice that sends.

        The write is on its way by then: it takes effect first of all when the process goes on, before
        that has learnt that its lane is lost and a successor has come further.
        """

        async def stalling(run_id: str, key: str, *written: Any) -> Any:
            sends = bool(written) and written[0].phase is Phase.SEND and execution_now()
            if sends:
                await self._stall("slices stalled", self._weather.plan.stalled)
            return await call(run_id, key, *written)

        return stalling

    def _stalling_preparers(self, write: Callable[..., Any]) -> Callable[..., Any]:
        """Return what may pause its process right before it writes a file of a run, on its way as above."""

        async def stalling(name: str, data: Any) -> Any:
            if execution_now():
                await self._stall("preparers stalled", self._weather.plan.stalled * _MORE)
            return await write(name, data)

        return stalling

    async def _stall(self, what: str, rate: float) -> None:
        """Pause the process at a rate, mostly for longer than a lane is kept."""
        if self._weather.strikes(what, rate):
            self._process.pause(self._weather.chance("stalls").uniform(*_STALL))
            await self._process.awake()

    async def _pieces(self, method: str, pieces: AsyncIterator[Any]) -> AsyncIterator[Any]:
        end = object()

        async def following() -> Any:
            return await anext(pieces, end)

        while (
            piece := await self._process.live(lambda: self._do(method, following, plain=True))
        ) is not end:
            yield piece

    async def _do(self, method: str, call: Call, *, plain: bool = False) -> Any:
        """Do an operation in the weather; `plain` ones cannot be done twice, and change nothing."""
        clock, weather = self._weather.clock, self._weather
        await clock.sleep(weather.chance("latency").random() * _LATENCY)
        if weather.is_down(self._service):
            return await self._in_vain(method, call, plain=plain)
        result = await call()
        if not plain and weather.strikes("answers of storage lost", _LOST):
            return await self._lost(method, call, result)
        return result

    async def _in_vain(self, method: str, call: Call, *, plain: bool) -> Any:
        """Ask a service that is down, until it is up or the client gives up."""
        weather, name = self._weather, f"{self._name}/{method}"
        result, arrived = None, False
        if not plain and weather.strikes("operations that arrived in an outage", _ARRIVES):
            result, arrived = await call(), True
        for wait in _BACK_OFF:
            await weather.clock.sleep(wait)
            if not weather.is_down(self._service):
                return await (self._lost(method, call, result) if arrived else call())
        weather.met["operations that failed in an outage"] += 1
        if method in _KEEPS_SLICES.get(self._name, ()):
            break_off()
        raise _given_up(name, ServiceResponseError if arrived else ServiceRequestError)

    async def _lost(self, method: str, call: Call, result: Any) -> Any:
        """Do what the client does when there was an effect and no answer."""
        upset()
        if self._name == "checkpoints":
            break_off()  # asking again, the client is told that somebody else has written it
        if method == "acquire":
            return result  # the client chose the lease's id: asking again it gets the same lease
        if method == "insert" and self._name != "checkpoints":
            raise _given_up(f"{self._name}/{method}", ServiceResponseError)
        return await call()


def _given_up(name: str, error: type[AzureError]) -> Exception:
    """Return what the port raises for an error of its client."""
    upset()
    try:
        with translated(name):
            raise error("no answer")
    except Unavailable as unavailable:
        return unavailable


def _noting_slices(call: Callable[..., Any], clock: FakeClock) -> Callable[..., Any]:
    """Return what notes which slice of a run an execution works on, by the checkpoint that it has."""

    async def noting(run_id: str, key: str, *written: Any) -> Any:
        answer = await call(run_id, key, *written)
        if execution := execution_now():
            if written:
                # A slice of a run that was just begun writes its checkpoint without having read it.
                held = execution.slices.get(run_id)
                since = held.since if held else clock.monotonic()
                execution.slices[run_id] = Held(written[0].slice, since)
                execution.moved[run_id] = clock.monotonic()
            else:
                number = answer.value.slice if answer else 0
                execution.slices[run_id] = Held(number, clock.monotonic())
        return answer

    return noting


def in_process(storage: Storage, process: Process) -> Storage:
    """Return storage as a process meets it."""
    ports = {
        field.name: TroubledPort(port, field.name, process)
        for field in fields(Storage)
        if (port := getattr(storage, field.name)) is not None
    }
    return replace(storage, **ports)
