"""The sides, one at a time."""

import pytest

from tests.contract.destinations.side import Side
from tests.contract.destinations.sides import SIDES


@pytest.fixture(params=SIDES)
def side(request: pytest.FixtureRequest) -> Side:
    """A destination with an empty account."""
    return SIDES[request.param]()
