"""Outcomes where a destination tells numbers, and messages that may or may not say whom they mean."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from shared.domain.email import normal_form
from shared.domain.outcomes import Outcome, RowOutcome

_ADDRESS = re.compile(r"[^\s@<>\"(),:;\[\]]+@[^\s@<>\"(),:;\[\]]+")
_LONGEST_TEXT = 300
_ORDER = (Outcome.SUPPRESSED, Outcome.REFUSED, Outcome.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Message:
    """Something that a destination said about one profile, and which outcome that sounds like."""

    likely: Outcome
    text: str


def outcomes_of(
    who: str,
    size: int,
    told: Mapping[Outcome, int],
    messages: Sequence[Message],
    index_of: Mapping[str, int],
) -> Sequence[RowOutcome]:
    """Return as many outcomes of each kind as were told of, but never more than `size` together.

    A message gives its words to one of them, and the row where it holds the row's address. Numbers of
    lines name nobody: whether they count from 0 or 1, or a header, no vendor says.
    """
    left: dict[Outcome, int] = {}
    for outcome in _ORDER:
        left[outcome] = max(0, min(told.get(outcome, 0), size - sum(left.values())))
    outcomes: list[RowOutcome] = []
    by_row = sorted(_with_rows(messages, index_of), key=lambda each: each[0] is None)
    for index, message in by_row:
        for outcome in (message.likely, *_ORDER[:2]):
            if left[outcome]:
                left[outcome] -= 1
                outcomes.append(_outcome(index, outcome, message.text[:_LONGEST_TEXT]))
                break
    for outcome, number in left.items():
        outcomes += [_outcome(None, outcome, f"{who} tells how many, but not who.")] * number
    return outcomes


def _outcome(index: int | None, outcome: Outcome, text: str) -> RowOutcome:
    return RowOutcome(index, outcome, f"counted_{outcome}", text)


def _with_rows(
    messages: Sequence[Message], index_of: Mapping[str, int]
) -> Iterator[tuple[int | None, Message]]:
    """Yield messages with the row that they name; None where they name none or one named before."""
    waiting = dict(index_of)
    for message in messages:
        said = (normal_form(each.strip(".'")) for each in _ADDRESS.findall(message.text))
        yield next((waiting.pop(each) for each in said if each in waiting), None), message
