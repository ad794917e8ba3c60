"""The one way in which these tests wait, and the leave to ask so often."""

import time
from collections.abc import Callable

UNLIMITED = {
    "CALLER_REQUESTS_PER_MINUTE": "1000000",
    "ANONYMOUS_REQUESTS_PER_MINUTE": "1000000",
}
"""Settings of a host that one caller asks for everybody, all the time, and from one address."""


def until[T](look: Callable[[], T], what: str, *, seconds: float = 60, every: float = 0.05) -> T:
    """Look again and again until there is something true, and return it; `what` is for the failure."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} seconds"
        time.sleep(every)
    return found
