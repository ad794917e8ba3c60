"""Starting and ending one process of the stack."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.processes import (
    ROOT,
    STOP_SECONDS,
    Process,
    StackError,
    end,
    end_foreign,
    runs,
    spawn,
    wait_until_ended,
)

WAIT_FOR_EVER = "import signal, time\nprint('up', flush=True)\nwhile True: signal.pause()"
IGNORE_SIGTERM = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{WAIT_FOR_EVER}"


class Starter:
    """Starts Python programs and remembers them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[Process] = []

    def __call__(self, code: str) -> Process:
        name = f"program-{len(self.started)}"
        command = [sys.executable, "-c", code]
        log = self.folder / f"{name}.log"
        process = spawn(name, command, port=0, log=log, environment=os.environ)
        self.started.append(process)
        return process


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    starter = Starter(tmp_path)
    yield starter
    for process in starter.started:
        process.kill()


def is_up(process: Process) -> bool:
    return "up" in process.log.read_text()


def test_a_process_that_is_asked_to_end_ends(start: Starter) -> None:
    process = start(WAIT_FOR_EVER)
    process.wait_until(lambda: is_up(process))
    end([process])
    assert process.popen.returncode == -signal.SIGTERM


def test_a_process_that_refuses_to_end_is_killed(start: Starter) -> None:
    process = start(IGNORE_SIGTERM)
    process.wait_until(lambda: is_up(process))
    end([process], seconds=0.2)
    assert process.popen.returncode == -signal.SIGKILL


def test_a_process_that_ends_too_early_is_named_with_the_end_of_its_log(start: Starter) -> None:
    process = start("import sys\nprint('the disk is full')\nsys.exit(3)")
    with pytest.raises(StackError, match=r"(?s)program-0 ended with code 3.*the disk is full"):
        process.wait_until(lambda: False)


def test_a_process_that_never_gets_ready_is_named(start: Starter) -> None:
    process = start(WAIT_FOR_EVER)
    with pytest.raises(StackError, match="program-0 was not ready after 0 s"):
        process.wait_until(lambda: False, seconds=0)


def test_a_process_that_no_longer_runs_the_command_is_left_alone(start: Starter) -> None:
    process = start(WAIT_FOR_EVER)
    process.wait_until(lambda: is_up(process))
    assert end_foreign({process.pid: [sys.executable, "-c", "something else"]}, seconds=1) == 0
    assert process.alive


def test_a_process_of_another_terminal_that_refuses_to_end_is_killed(start: Starter) -> None:
    process = start(IGNORE_SIGTERM)
    process.wait_until(lambda: is_up(process))
    assert end_foreign({process.pid: process.command}, seconds=0.2) == 1
    # A killed process has lost its command line a moment before its parent can ask for the code.
    assert process.popen.wait(STOP_SECONDS) == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child to its parent")
def test_a_process_ends_when_the_one_that_started_it_is_killed(tmp_path: Path) -> None:
    starter = f"""
import json, os, signal, sys
from pathlib import Path
from local.processes import spawn
child = spawn("child", [sys.executable, "-c", {WAIT_FOR_EVER!r}], port=0,
              log=Path({str(tmp_path / "child.log")!r}), environment=os.environ)
child.wait_until(lambda: "up" in child.log.read_text())
print(json.dumps([child.pid, child.command]), flush=True)
signal.pause()
"""
    with subprocess.Popen(  # noqa: S603 - this test's own program
        [sys.executable, "-c", starter], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        pid, command = json.loads(parent.stdout.readline())
        assert runs(pid, command)
        parent.kill()
    assert wait_until_ended({pid: command}, seconds=10)
