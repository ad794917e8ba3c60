"""Writes values of typed files as the text of a cell.

| value | text |
|---|---|
| text | as it is |
| nothing | empty |
| true, false | `true`, `false` |
| a whole number, also one with a fraction of zero | its digits |
| another number | the shortest decimal text that means it, such as `12.5` or `0.00001`, never an exponent |
| a date, a time, an instant | ISO 8601; an instant in UTC ends in `+00:00` |
| bytes | the text that they are in UTF-8 |
| a UUID | as it is usually written |
| a list or an object | its JSON |
"""

from datetime import date, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

_EXACT = 2**53
"""The whole numbers below this are all there is as floating point."""


def text_of(value: Any) -> str:
    """Return the text of a cell; raise UnicodeDecodeError for bytes that are no text."""
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            if value.is_integer() and abs(value) < _EXACT:
                return str(int(value))
            return f"{Decimal(repr(value)):f}"
        case Decimal():
            return f"{value:f}"
        case date() | time():  # a datetime is a date
            return value.isoformat()
        case bytes():
            return value.decode()
        case UUID():
            return str(value)
        case _:
            return msgspec.json.encode(value).decode()
