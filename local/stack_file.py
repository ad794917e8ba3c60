"""Writes down what a running stack is made of, so that other terminals can find and end it."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from local.processes import STOP_SECONDS, command_of, end_foreign, runs


@dataclass(frozen=True)
class StackFile:
    """The content of ``stack.json``. JSON wants text keys, so process ids are text."""

    owner: str
    commands: dict[str, list[str]]
    ports: dict[str, int]
    settings: dict[str, str]

    @classmethod
    def of(
        cls,
        commands: Mapping[int, Sequence[str]],
        ports: Mapping[str, int],
        settings: Mapping[str, str],
    ) -> "StackFile":
        """Return what is written down of a stack that this process owns."""
        everyone = {os.getpid(): command_of(os.getpid()), **commands}
        texts = {str(pid): list(command) for pid, command in everyone.items()}
        return cls(str(os.getpid()), texts, dict(ports), dict(settings))


def write(state: Path, stack: StackFile) -> None:
    """Write the file whole, readable by its owner alone: the settings hold secrets."""
    draft = _file(state).with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(asdict(stack)))
    draft.replace(_file(state))


def erase(state: Path) -> None:
    """Forget a stack that has ended."""
    _file(state).unlink(missing_ok=True)


def running(state: Path) -> StackFile | None:
    """Return what the running stack wrote down, or None if none runs."""
    stack = _read(state)
    if stack and runs(int(stack.owner), stack.commands[stack.owner]):
        return stack
    return None


def stop(state: Path) -> bool:
    """End the stack, or what a killed one left behind; return whether there was anything."""
    stack = _read(state)
    if not stack:
        return False
    commands = {int(pid): command for pid, command in stack.commands.items()}
    owner = int(stack.owner)
    # The owner ends its processes in order: hosts, then the rest. So it is asked first.
    ended = end_foreign({owner: commands.pop(owner)}, seconds=3 * STOP_SECONDS)
    ended += end_foreign(commands, seconds=STOP_SECONDS)
    erase(state)
    return ended > 0


def _read(state: Path) -> StackFile | None:
    try:
        return StackFile(**json.loads(_file(state).read_text()))
    except FileNotFoundError:
        return None


def _file(state: Path) -> Path:
    return state / "stack.json"
