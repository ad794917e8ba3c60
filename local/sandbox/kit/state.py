"""Holds what every sandbox knows: its accounts, what they asked for, and files that outlive it."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from local.sandbox.kit.clock import Clock
from local.sandbox.kit.faults import Faults

PASSWORD = "sandbox"  # noqa: S105 # of every account, and meant to be known


class SandboxAccount:
    """An account at a vendor, its single user, and the requests that came for it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.email = f"owner{number}@example.com"
        self.name = f"Sandbox account {number}"
        self.latency: float | None = None  # that of the sandbox if not given
        self.requests: Counter[str] = Counter()  # by method, path and what came of it
        self.connections = self.peak_connections = 0

    def forget_counts(self) -> None:
        """Start counting anew."""
        self.requests.clear()
        self.peak_connections = self.connections

    def connect(self) -> None:
        """One more request under way."""
        self.connections += 1
        self.peak_connections = max(self.peak_connections, self.connections)

    def disconnect(self) -> None:
        """One fewer."""
        self.connections -= 1

    def settle(self, now: float) -> None:
        """Do what is to have been done by now: nothing, where there are no jobs."""


@dataclass
class SandboxState[A: SandboxAccount]:
    """A whole sandbox; `latency` in its own seconds per call."""

    clock: Clock
    accounts: dict[int, A] = field(kw_only=True)
    faults: Faults = field(default_factory=Faults, kw_only=True)
    latency: float = field(default=0, kw_only=True)

    def settle(self) -> None:
        """Do in every account what is to have been done by now."""
        now = self.clock.now()
        for account in self.accounts.values():
            account.settle(now)

    def forget_counts(self) -> None:
        """Start counting anew; what accounts hold stays."""
        for account in self.accounts.values():
            account.forget_counts()


def packed(values: Mapping[str, Any]) -> bytes:
    """Return values as JSON, to be kept of each of a million contacts."""
    # orjson's own result sits in a buffer of some 4 kB; the copy is as small as it looks.
    return bytes(memoryview(orjson.dumps(values)))


class KeptFile:
    """A JSON object that outlives the sandbox, as connections do; without a file it does not."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def read(self) -> dict[str, Any]:
        """Return what was written last; empty if nothing was."""
        if self._file is None or not self._file.exists():
            return {}
        kept: dict[str, Any] = json.loads(self._file.read_text())
        return kept

    def write(self, kept: dict[str, Any]) -> None:
        """Put it in the place of what was there, readable by its owner alone."""
        if self._file:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.touch(mode=0o600)
            self._file.write_text(json.dumps(kept))
