"""Counts how often something was asked, for limits on that."""

from collections import deque


class Window:
    """When requests were let through in the last `seconds`.

    That the window slides and that refused requests do not count are our guesses.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._times: deque[float] = deque()

    def left(self, limit: int, now: float) -> int:
        """How many more may come now."""
        while self._times and self._times[0] <= now - self._seconds:
            self._times.popleft()
        return max(0, limit - len(self._times))

    def take(self, now: float) -> None:
        """Count one."""
        self._times.append(now)
