"""What people and other systems ask of hosts that may die or be without storage at any moment."""

import time
from datetime import UTC, datetime, timedelta

import httpx

from local.processes import Process
from tests.chaos.real_journal import Journal
from tests.chaos.real_world import Sent, World

_BUSY = httpx.codes.SERVICE_UNAVAILABLE


class Asks:
    """Calls that may fail, as long as they fail as they should. Used from many threads."""

    def __init__(self, world: World, journal: Journal) -> None:
        self._world = world
        self._journal = journal
        self._begun: dict[tuple[str, str], str] = {}  # the run that each key has begun

    def run(self, host: Process, export: Sent, mode: str, key: str) -> None:
        """Run an export on demand; the same key must not begin two runs of it."""
        path = f"/exports/{export.id}/run"
        answer = self._ask(host, "POST", path, {"mode": mode}, **{"Idempotency-Key": key})
        if answer and answer.is_success:
            run = str(answer.json()["id"])
            first = self._begun.setdefault((export.id, key), run)
            if first != run:
                self._journal.wrong.append(f"{key} has begun {run} and {first}")

    def cancel(self, host: Process, run: str) -> None:
        """Cancel a run, unless it is over by now."""
        answer = self._ask(host, "POST", f"/runs/{run}/cancel")
        if answer and answer.is_success:
            self._journal.told_of_cancel.setdefault(run, time.time())

    def refresh(self, host: Process, seconds: float) -> None:
        """Let the refresh be due in so many seconds."""
        due = datetime.now(UTC) + timedelta(seconds=seconds)
        schedule = {"times": [f"{due:%H:%M:%S}"], "time_zone": "UTC"}
        self._ask(host, "PUT", "/refresh-schedule", schedule)

    def tick(self, host: Process) -> None:
        """Let the timer run."""
        try:
            self._world.tick(host)
        except httpx.TransportError as error:
            self._journal.note(f"tick at {host.name}: {type(error).__name__}")

    def tell(self, host: Process, path: str) -> bool:
        """Deliver the event of a file; say whether the host took it."""
        try:
            taken = self._world.tell(host, path).is_success
        except httpx.TransportError:
            taken = False
        self._journal.note(f"{host.name} {'took' if taken else 'did not take'} the event of {path}")
        return taken

    def _ask(
        self, host: Process, method: str, path: str, body: object = None, **headers: str
    ) -> httpx.Response | None:
        said = f"{host.name} {method} {path}"
        try:
            answer = self._world.ask(host, method, path, body, **headers)
        except httpx.TransportError as error:
            self._journal.note(f"{said}: {type(error).__name__}")
            return None
        self._journal.note(f"{said}: {answer.status_code}")
        if answer.is_server_error and answer.status_code != _BUSY:
            self._journal.wrong.append(f"{said} was answered {answer.status_code}")
        return answer
