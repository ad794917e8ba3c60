"""A queue with what a receiver knows of it: deliveries are counted, and messages hidden, not removed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil

from pydantic import BaseModel

from shared.storage.limits import check_delay, check_message
from tests.fakes.clock import FakeClock

TRIES = 5
"""Deliveries of one message, as host.json says: then it goes to the poison queue."""

RETRY_SECONDS = 30.0
"""Until a message is visible again whose function failed, as host.json says."""


@dataclass(eq=False)
class Letter:
    """A message in the queue; `visible_at` is in seconds of the clock."""

    message: BaseModel
    visible_at: float
    deliveries: int = 0
    endings: list[str] = field(default_factory=list)  # of its deliveries so far


@dataclass
class Queue:
    """A `MessageQueue`, and the side of it that hosts see."""

    clock: FakeClock
    letters: list[Letter] = field(default_factory=list)

    async def send(self, message: BaseModel, delay: float = 0) -> None:
        """Enqueue a message that becomes visible after `delay` seconds."""
        check_message(message.model_dump_json())
        check_delay(delay)
        self.letters.append(Letter(message, self.clock.monotonic() + ceil(delay)))

    def visible(self) -> Sequence[Letter]:
        """Return the messages that can be received now, the earliest first."""
        now = self.clock.monotonic()
        due = [letter for letter in self.letters if letter.visible_at <= now]
        return sorted(due, key=lambda letter: letter.visible_at)

    def delete(self, letter: Letter) -> None:
        """Remove a message, if it is still there."""
        if letter in self.letters:
            self.letters.remove(letter)
