"""The one way in which these tests wait."""

import time
from collections.abc import Callable


def until[T](look: Callable[[], T], what: str, *, seconds: float = 60, every: float = 0.05) -> T:
    """Look again and again until there is something true, and return it; `what` is for the failure."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} seconds"
        time.sleep(every)
    return found
