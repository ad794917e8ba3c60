"""What can go wrong, sorted by what happens next.

ProductError
├── DestinationError      a request ended in something other than outcomes of its profiles
│   ├── TryLater          the destination is busy or out of reach: the slice ends, the run goes on later
│   │   ├── RateLimited   it had more requests than it allows: the same, and from then on slower
│   │   └── DailyQuotaExhausted  no request is left today: the run waits for the next day (UTC)
│   ├── NeedsAttention    a person must act: the connection, or the list of the export, is named
│   └── BatchRefused      the destination refused these profiles: they become rejects, the run goes on
├── BadSegment            a segment file cannot be read: the run fails for good, nothing is sent
│   └── OutOfReach        storage does not give it out, which is no fault of the file
└── Refusal               an operation that a caller asked for cannot be done
    ├── NotFound          no such thing, or none that this caller may see
    ├── NotAllowed        the caller may see it but not do this
    ├── Conflict          not now: the message says what to do instead
    ├── Gone              it was given up; the message says what there is instead
    ├── Outdated          somebody changed it since the caller read it
    ├── KeyReused         an Idempotency-Key came with another body than the first time
    └── Invalid           a field of the request, named by its members, is wrong

Reasons of these errors are shown to people. They never hold a secret or an address.
"""

from collections.abc import Sequence
from enum import StrEnum

from shared.domain.message import Message
from shared.domain.outcomes import RowOutcome

_LONGEST = 86400.0  # seconds, whatever a destination asks for; a queue holds a message for a week

type MemberPath = tuple[str | int, ...]
"""The way into a body: names of members, and places in lists from 0."""


class ProductError(Exception):
    """Base of every error that the product raises on purpose."""

    def __init__(self, reason: Message) -> None:
        super().__init__(str(reason))
        self.reason = reason


class DestinationError(ProductError):
    """Base of what a request to a destination can end in, other than outcomes."""


class TryLater(DestinationError):
    """Worth trying again after a while.

    `after` is in seconds, a day at most, and None when the destination did not say.
    """

    def __init__(self, reason: Message, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = None if after is None else min(after, _LONGEST)


class RateLimited(TryLater):
    """The destination has had more requests than it allows."""

    known_as = "Limited"  # in telemetry


class DailyQuotaExhausted(TryLater):
    """The destination takes no more requests until the next day begins, at 00:00 UTC."""

    known_as = "DayIsSpent"  # in telemetry


class Culprit(StrEnum):
    """What a person has to look at."""

    CONNECTION = "connection"
    LIST = "list"


class NeedsAttention(DestinationError):
    """Nothing will change until a person acts on `culprit`."""

    def __init__(self, culprit: Culprit, reason: Message) -> None:
        super().__init__(reason)
        self.culprit = culprit


class BatchRefused(DestinationError):
    """The destination refuses the profiles of one request as they are; `code` is its short name for why.

    The engine sends the rest again without `guilty`. Where nobody is named it sends the profiles in
    two pieces, cut before index `cut` if the destination's file says so, to find out who it is.
    """

    def __init__(
        self,
        code: str,
        reason: Message,
        guilty: Sequence[RowOutcome] = (),
        cut: int | None = None,
    ) -> None:
        super().__init__(reason)
        self.code = code
        self.guilty = guilty
        self.cut = cut


class BadSegment(ProductError):
    """A segment cannot be exported as it is; the text says where in which file, and what to do."""


class OutOfReach(BadSegment):
    """Storage does not give out a file; `passes` says whether it may do so by itself, and soon."""

    def __init__(self, reason: Message, passes: bool) -> None:
        super().__init__(reason)
        self.passes = passes


class Refusal(ProductError):
    """Base of what a caller of the API is told instead of a result."""


class NotFound(Refusal):
    """There is no such thing for this caller."""


class NotAllowed(Refusal):
    """The caller's role, or the sharing of the connection, does not allow this."""


class Conflict(Refusal):
    """The thing is not in a state that allows this."""


class Gone(Refusal):
    """The operation was given up for others, which the message names."""


class Outdated(Refusal):
    """The ETag that the caller sent is not the current one."""


class KeyReused(Refusal):
    """The caller has used this `Idempotency-Key` with another body before."""


class Invalid(Refusal):
    """One field of the request is wrong; `members` lead to it, such as ("fields", "email")."""

    def __init__(self, members: MemberPath, reason: Message) -> None:
        super().__init__(reason)
        self.members = members
