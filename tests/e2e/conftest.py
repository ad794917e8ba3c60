"""What the end-to-end tests share: a stack of their own, and what is remembered of every secret."""

from collections.abc import Iterator

import pytest

from local import azurite
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
    with Stack(folder, environ=clean_environ(), in_memory=True) as running:
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
