"""What the end-to-end tests share: a stack of their own, and what is remembered of every secret."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local import addresses, azurite
from local.stack import Stack
from tests.e2e.system import System, clean_environ
from tests.e2e.traces import Traces


@pytest.fixture(scope="package")
def traces() -> Traces:
    """What the last test of this folder looks for everywhere."""
    return Traces()


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory, traces: Traces) -> Iterator[Stack]:
    """The stack of these tests alone: they count what arrives, and search all that it wrote."""
    folder = tmp_path_factory.mktemp("e2e")
    recorded = {name: ["--record", str(_log(folder, name))] for name in addresses.SANDBOXES}
    environ = clean_environ()
    with Stack(folder, environ=environ, in_memory=True, sandboxes=recorded) as running:
        secret = ("CONSTANT_CONTACT_CLIENT_SECRET", "MAILCHIMP_CLIENT_SECRET", "IDENTITY_HEADER")
        traces.secrets |= {azurite.KEY, *(running.settings[name] for name in secret)}
        yield running


@pytest.fixture(scope="module")
def system(stack: Stack, traces: Traces) -> Iterator[System]:
    """The system for the tests of one module, whose hosts end with it."""
    opened = System(stack, traces)
    try:
        yield opened
    finally:
        opened.close()


def recording(stack: Stack, sandbox: str) -> Path:
    """Return the file of what a sandbox of these tests was asked first."""
    return _log(stack.state, sandbox)


def _log(folder: Path, sandbox: str) -> Path:
    return folder / "recordings" / f"{sandbox}.jsonl"
