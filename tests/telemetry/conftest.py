"""The recorder of these tests."""

from collections.abc import Iterator

import pytest

from tests.contract.destinations.side import Side
from tests.contract.destinations.sides import SIDES
from tests.telemetry.recorder import Recorder, the_recorder


@pytest.fixture(scope="session")
def recorder() -> Recorder:
    """The one of this process."""
    return the_recorder()


@pytest.fixture
def told(recorder: Recorder) -> Iterator[Recorder]:
    """What this test has the app report."""
    with recorder.recording():
        yield recorder


@pytest.fixture(params=SIDES)
def side(request: pytest.FixtureRequest) -> Side:
    """A destination with an empty account."""
    return SIDES[request.param]()
