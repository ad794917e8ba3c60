"""What several tests share: the local stack, started once and only if some test asks for it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from tests.lanes import Lanes, in_order, tell_apart

if TYPE_CHECKING:  # importing it takes a second, which the unit tests need not spend
    from local.stack import Stack

TESTS = Path(__file__).parent
NEED_PROCESSES = (TESTS / "local", TESTS / "e2e")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers of the tests that `make unit` leaves out, and of those of `make fuzz`."""
    config.addinivalue_line("markers", "stack: needs processes of the local stack")
    config.addinivalue_line("markers", "fuzz: tries more the more EXAMPLES it is given")
    # A neighbour may stall any example of a property, so none is held against a clock.
    hypothesis.settings.register_profile("side by side", deadline=None)
    hypothesis.settings.load_profile("side by side")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks for the stack, and everything in the folders that test or use its parts."""
    for item in items:
        in_folder = any(item.path.is_relative_to(folder) for folder in NEED_PROCESSES)
        if in_folder or "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.stack)
    tell_apart(items)
    items[:] = in_order(items)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Lanes:
    """Let tests that run side by side keep to their lanes."""
    return Lanes(config, log)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Stack"]:
    """The running stack without a functions host: tests start the hosts they need.

    Its storage is in memory and shared by all tests, so each uses names of its own. In the end its logs
    must not give anything away.
    """
    from local import addresses
    from local.stack import Stack
    from tests.e2e.traces import Traces

    given = addresses.given(os.environ)
    environ = {
        name: value
        for name, value in os.environ.items()
        if name not in given and not name.startswith("LOCAL_PORT_")
    }
    with Stack(tmp_path_factory.mktemp("stack"), environ=environ, in_memory=True) as running:
        yield running
        assert Traces().left_by(running.state) == []
