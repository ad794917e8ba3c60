"""Starts a process of the local stack, waits until it is healthy, and ends it."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from local import die_with_parent

ROOT = Path(__file__).parents[1]
START_SECONDS = 120.0  # a busy machine takes ten times as long as an idle one
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

    def wait_until(self, healthy: Callable[[], bool], *, seconds: float = START_SECONDS) -> None:
        """Wait until it is healthy; raise StackError with its log if it ends or takes too long."""
        deadline = time.monotonic() + seconds
        while not healthy():
            if not self.alive:
                raise self.failed(f"ended with code {self.popen.returncode}")
            if time.monotonic() > deadline:
                raise self.failed(f"was not ready after {seconds:.0f} s")
            time.sleep(POLL_SECONDS)


def spawn(
    name: str, command: Sequence[str], *, port: int, log: Path, environment: Mapping[str, str]
) -> Process:
    """Start a command whose program is an absolute path; its output goes to the log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    launcher = [sys.executable, "-S", "-E", die_with_parent.__file__, str(os.getpid())]
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


def end(processes: Iterable[Process], *, seconds: float = STOP_SECONDS) -> None:
    """SIGTERM them all, and SIGKILL those that have not ended after so many seconds."""
    processes = list(processes)
    for process in processes:
        process.popen.terminate()
    deadline = time.monotonic() + seconds
    for process in processes:
        try:
            process.popen.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()


def command_of(pid: int) -> list[str]:
    """Return the command line of a process; raises psutil.NoSuchProcess if there is none."""
    return list(psutil.Process(pid).cmdline())


def runs(pid: int, command: Sequence[str]) -> bool:
    """Say whether the process with this id runs this command: ids are used again.

    One that has ended but whose parent has not asked for its exit code (a zombie) does not run.
    """
    try:
        return command_of(pid) == list(command)
    except psutil.NoSuchProcess:
        return False


def wait_until_ended(commands: Mapping[int, Sequence[str]], *, seconds: float) -> bool:
    """Wait until none of these runs any more; return whether that came true in time."""
    deadline = time.monotonic() + seconds
    while any(runs(pid, command) for pid, command in commands.items()):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def end_foreign(commands: Mapping[int, Sequence[str]], *, seconds: float) -> int:
    """End processes that another one started, by SIGKILL after so many seconds.

    An id that no longer runs its command is left alone. Returns how many were ended.
    """
    ours = {pid: command for pid, command in commands.items() if runs(pid, command)}
    for signum in (signal.SIGTERM, signal.SIGKILL):
        for pid, command in ours.items():
            if runs(pid, command):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signum)
        if wait_until_ended(ours, seconds=seconds):
            break
    return len(ours)
