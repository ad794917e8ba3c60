"""The sides, one at a time, and the rules that their tests are for."""

import pytest

from tests.contract.destinations.rules import folder_of, quality
from tests.contract.destinations.side import Side
from tests.contract.destinations.sides import SIDES


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker of a test that is for a rule of the contract."""
    config.addinivalue_line(
        "markers", "rule(id): is for a rule of tests/contract/destinations/rules.py"
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out what a destination is exempt from."""
    marked, spec = item.get_closest_marker("rule"), getattr(item, "callspec", None)
    name = spec and (spec.params.get("side") or spec.params.get("name"))
    if marked and name:
        rule: str = marked.args[0]
        exempt = quality(folder_of(SIDES[name]().destination)).exempt
        if rule in exempt:
            pytest.skip(exempt[rule])


@pytest.fixture(params=SIDES)
def side(request: pytest.FixtureRequest) -> Side:
    """A destination with an empty account."""
    return SIDES[request.param]()
