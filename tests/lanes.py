"""Which tests follow each other in one process when tests run side by side, and which begin first.

A lane runs as a whole in one of the processes, in the order in which it was collected. What tests share
for a whole session, such as the stack, each process starts for itself, once and only if it is needed.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import pytest
from xdist.scheduler import LoadScopeScheduling

# Tests that share processes, or look at what earlier ones left. Every other file is a lane of its own.
SHARED = {
    "memory": ("tests/e2e/test_memory.py",),
    "demo": ("tests/e2e/test_demo.py",),
    "e2e": ("tests/e2e/",),
    "stack": ("tests/local/", "tests/docs/test_walk.py"),
    "deployment": ("tests/deployment/",),
    "infra": ("tests/infra/",),
}
# What takes longest begins first, so that no process is left with it at the end.
FIRST = ("e2e", "stack")


def lane(test: str) -> str:
    """Return the lane of a test, whose id begins with the path of its file."""
    shared = (name for name, paths in SHARED.items() if test.startswith(paths))
    return next(shared, test.partition("::")[0])


def in_order(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """Return the tests with those of the longest lanes in front, and otherwise as they were."""
    ranks = {name: rank for rank, name in enumerate(FIRST)}
    return sorted(items, key=lambda item: ranks.get(lane(item.nodeid), len(ranks)))


def tell_apart(items: Sequence[pytest.Item]) -> None:
    """Give each test an id of its own; raise pytest.UsageError if two have the same all the same.

    Of those with one id only one would run, without a word. Schemathesis leaves the operation out of its ids.
    """
    for item in items:
        if item.parent and not item.nodeid.endswith(item.name):
            item._id = item.parent.id.child(item.name)
    twice = [each for each, times in Counter(item.nodeid for item in items).items() if times > 1]
    if twice:
        raise pytest.UsageError(f"Several tests have the same id: {', '.join(twice)}")


class Lanes(LoadScopeScheduling):  # type: ignore[misc] # xdist ships no types
    """Gives a process that is free the next lane, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return lane(nodeid)
