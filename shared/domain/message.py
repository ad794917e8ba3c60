"""Sentences for people, apart from the language in which each of them is read.

A message is its English sentence and what is filled in. The sentence is the key of its translations,
so code reads as what people read, and a message that was stored before its wording changed is still
English. What people or destinations said is filled in as it is and never translated.
"""

from typing import Any

from pydantic import BaseModel

type Value = str | int | Message | tuple[Value, ...]
"""What can be filled in; the parts of a tuple with commas between them.

Numbers are written as the reader's language has them, so an id or a code is a text.
"""


class Message(BaseModel, frozen=True):
    """A sentence; as text it is in English."""

    text: str  # with {name} for each of the values
    many: str | None = None  # instead of `text` unless the value `count` is one
    values: dict[str, Value] = {}

    def __str__(self) -> str:
        """Return it in English."""
        text = self.text if self.many is None or self.values["count"] == 1 else self.many
        return text.format_map({name: _english(value) for name, value in self.values.items()})


def say(text: str, /, **values: Value) -> Message:
    """Return a message. `text` is a literal at each call, so that all of them can be found."""
    return Message(text=text, values=values)


def say_count(one: str, many: str, /, count: int, **values: Value) -> Message:
    """Return a message that depends on a number, such as "{count} row" and "{count} rows"."""
    return Message(text=one, many=many, values={"count": count, **values})


def _english(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_english, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
