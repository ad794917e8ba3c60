"""What the end-to-end tests share: a stack of their own, and what is remembered of every secret."""

import os
from collections.abc import Iterator

import pytest

from local import addresses, azurite
from local.stack import Stack
from tests.e2e.system import System
from tests.e2e.traces import Traces


@pytest.fixture(scope="session")
def traces() -> Traces:
    """What the last test of this folder looks for everywhere."""
    return Traces()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, traces: Traces) -> Iterator[Stack]:
    """The stack of these tests alone: they count what arrives, and search all that it wrote."""
    given = addresses.given(os.environ)
    environ = {
        name: value
        for name, value in os.environ.items()
        if name not in given and not name.startswith("LOCAL_PORT_")
    }
    with Stack(tmp_path_factory.mktemp("e2e"), environ=environ, in_memory=True) as running:
        traces.folders.add(running.state / "logs")
        traces.secrets |= {
            azurite.KEY,
            running.settings["MAILCHIMP_CLIENT_SECRET"],
            running.settings["IDENTITY_HEADER"],
        }
        yield running


@pytest.fixture(scope="module")
def system(stack: Stack, traces: Traces) -> Iterator[System]:
    """The system for the tests of one module, whose hosts end with it."""
    opened = System(stack, traces)
    try:
        yield opened
    finally:
        opened.close()
