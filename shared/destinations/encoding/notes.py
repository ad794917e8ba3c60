"""What a run's timeline says of the values of a field: how many were cut or left out, why, and in which rows.

It never holds a value: a timeline is for everybody who may see runs, and lies in a table.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from shared.destinations.encoding.why import Why
from shared.domain.message import Message, say, say_count

type Where = Callable[[int], Message]
"""Which row of a block -> words for where it stands."""

SHOWN = 3
"""Rows that a note shows."""

LIKELY_NULLS = frozenset(
    {
        *("NULL", "Null", "null", "(null)", "<null>", "NaN", "nan", "NaT", "#N/A", "N/A", "n/a"),
        *("NA", "None", "none", "nil", "undefined"),
    }
)
"""Spellings that often stand for an empty cell."""

SAMPLE = 1_000
"""Rows of a version in which they are looked for."""

_MANY = 10  # times as many cells that hold anything: a column is then full of them


@dataclass(slots=True)
class Omitted:
    """How many values of a field were left out for one reason, and the first rows of them."""

    values: int = 0
    rows: list[Message] = field(default_factory=list)


@dataclass(slots=True)
class FieldNotes:
    """What is noted of the values of one field."""

    title: Message | str
    column: str
    must_be: Message  # what a value is, as the end of a sentence
    longest: Message
    cut: int = 0
    left_out: dict[Why, Omitted] = field(default_factory=dict)
    nulls: dict[str, None] = field(default_factory=dict)

    def leave_out(self, why: Why, count: int, rows: Iterable[Message]) -> None:
        """Count values that are left out; `rows` are where the first of them stand."""
        noted = self.left_out.setdefault(why, Omitted())
        noted.values += count
        noted.rows += list(rows)[: SHOWN - len(noted.rows)]

    def sample(self, texts: Sequence[str], known: Iterable[str]) -> None:
        """Look for what may stand for an empty cell, but is not known to, in the beginning of a version."""
        filled = [text for text in texts if text]
        found = Counter(filled)
        likely = LIKELY_NULLS & found.keys() - set(known)
        if likely and sum(found[each] for each in likely) * _MANY >= len(filled):
            self.nulls |= dict.fromkeys(sorted(likely))

    def clear(self) -> None:
        """Forget everything, because all is read anew."""
        self.cut = 0
        self.left_out.clear()
        self.nulls.clear()

    def messages(self) -> Sequence[Message]:
        """Return what a run's timeline says."""
        cut = say_count(
            "{count} value of {field} was longer than {longest} and was cut.",
            "{count} values of {field} were longer than {longest} and were cut.",
            self.cut,
            field=self.title,
            longest=self.longest,
        )
        told = [self._told(why, each) for why, each in self.left_out.items() if why is not Why.OWN]
        nulls = say(
            "The column {column} is full of {words}. If that stands for an empty cell, say so in how the "
            "segment is read.",
            column=self.column,
            words=tuple(self.nulls),
        )
        return [*([cut] if self.cut else ()), *told, *([nulls] if self.nulls else ())]

    def _told(self, why: Why, left_out: Omitted) -> Message:
        return say_count(
            "{count} value of {field} (column {column}) was left out, because {why}: {rows}.",
            "{count} values of {field} (column {column}) were left out, because {why}: {rows}.",
            left_out.values,
            field=self.title,
            column=self.column,
            why=why.words(self.must_be, self.longest),
            rows=(*left_out.rows, *(("…",) if left_out.values > len(left_out.rows) else ())),
        )
