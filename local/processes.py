"""One process of the local stack: starting it, waiting until it is healthy, ending it."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # its stubs are one more package

from local import tied

ROOT = Path(__file__).parents[1]
START_SECONDS = 60.0
STOP_SECONDS = 15.0  # more than the functions host's own grace of 10
POLL_SECONDS = 0.05
TAIL_LINES = 15


class StackError(Exception):
    """The local stack cannot do what was asked; the message says what to do about it."""


@dataclass(frozen=True)
class Process:
    """A running process that ends with the one that started it. ``popen`` has the details."""

    name: str
    port: int
    command: Sequence[str]
    log: Path
    popen: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        """The process id."""
        return self.popen.pid

    @property
    def url(self) -> str:
        """Where it answers, unless it speaks TLS."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.popen.poll() is None

    def kill(self) -> None:
        """SIGKILL it, as a crash would, and wait until it is gone."""
        self.popen.kill()
        self.popen.wait()

    def failed(self, what: str) -> StackError:
        """Return the error that says so and shows the last lines of the log."""
        lines = self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        return StackError("\n".join([f"{self.name} {what}. The end of {self.log}:", *lines]))

    def wait_until(self, healthy: Callable[[], bool]) -> None:
        """Wait until it is healthy; raise StackError with its log if it ends or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while not healthy():
            if not self.alive:
                raise self.failed(f"ended with code {self.popen.returncode}")
            if time.monotonic() > deadline:
                raise self.failed(f"was not ready after {START_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)


def spawn(
    name: str, command: Sequence[str], *, port: int, log: Path, environment: Mapping[str, str]
) -> Process:
    """Start a command whose program is an absolute path; its output goes to the log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    launcher = [sys.executable, "-S", "-E", tied.__file__, str(os.getpid())]
    with log.open("wb") as output:
        popen = subprocess.Popen(  # noqa: S603 - the stack's own commands
            [*launcher, *command],
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C in a terminal must reach the stack alone, which then ends them in order.
            start_new_session=True,
        )
    return Process(name, port, command, log, popen)


def end(processes: Iterable[Process]) -> None:
    """SIGTERM them all, and SIGKILL those that have not ended after STOP_SECONDS."""
    processes = list(processes)
    for process in processes:
        process.popen.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        try:
            process.popen.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()


def command_of(pid: int) -> list[str]:
    """Return the command line of a process; raises psutil.NoSuchProcess if there is none."""
    return list(psutil.Process(pid).cmdline())


def runs(pid: int, command: Sequence[str]) -> bool:
    """Say whether the process with this id exists and runs this command: ids are used again."""
    try:
        return command_of(pid) == list(command)
    except psutil.NoSuchProcess:
        return False


def end_foreign(commands: Mapping[int, Sequence[str]], *, seconds: float) -> int:
    """End processes that another one started, by SIGKILL after so many seconds.

    An id that no longer runs its command is left alone. Returns how many were ended.
    """
    ours = [psutil.Process(pid) for pid, command in commands.items() if runs(pid, command)]
    for process in ours:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(ours, timeout=seconds)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=seconds)
    return len(ours)
