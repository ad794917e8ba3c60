"""What really happened, and what must be known of it afterwards."""

import time
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Journal:
    """A line for everything, by seconds since the beginning of the trouble."""

    began: float = field(default_factory=time.monotonic)
    lines: list[str] = field(default_factory=list)
    breaks: int = 0  # how often hosts ended or storage was away
    in_flight: Counter[str] = field(default_factory=Counter)  # profiles then, by export, at most
    canceled: set[str] = field(default_factory=set)  # runs that somebody asked to cancel
    spared: set[str] = field(default_factory=set)  # runs that nobody may cancel
    # When somebody was told that a run will be canceled, and when it was last seen not to be over: seconds
    # since 1970, on the machine's clock.
    told_of_cancel: dict[str, float] = field(default_factory=dict)
    last_open: dict[str, float] = field(default_factory=dict)
    lost_answers: Counter[tuple[str, int]] = field(default_factory=Counter)  # by vendor and account
    wrong: list[str] = field(default_factory=list)  # what must not happen even in trouble

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.began

    def note(self, text: str) -> None:
        """Write down that something happened now."""
        self.lines.append(f"{self.now:6.2f}  {text}")
