"""Says what is wrong with a member of a request, in words of ours for what pydantic found."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, Field

from shared.api.pointer import pointer
from shared.api.request_checks import UNKNOWN_PARAMETER
from shared.api.wording import Words
from shared.domain.message import Message, say, say_count

_LONGEST = 100  # characters of a name that a caller made up

type _Context = Mapping[str, Any]
"""What pydantic says of a limit; it may quote the value in members that are not read here."""


class FieldProblem(BaseModel):
    """One member of the request that is wrong."""

    pointer: str | None = Field(None, description="JSON pointer into the body.")
    parameter: str | None = Field(None, description="Or the name of a query or header parameter.")
    detail: Words


def field_problem(error: Mapping[str, Any]) -> FieldProblem:
    """Return an error of pydantic's as a problem. What the caller sent is never repeated."""
    where, *path = error["loc"]
    detail = _WORDS.get(error["type"], _other)(error.get("ctx") or {})
    if error["type"] == "json_invalid":
        return FieldProblem(pointer="", detail=detail)
    if where == "body":
        return FieldProblem(pointer=pointer(path, longest=_LONGEST), detail=detail)
    return FieldProblem(parameter=str(path[0])[:_LONGEST], detail=detail)


def _other(_: _Context) -> Message:
    return say("This value cannot be used.")


def _own(context: _Context) -> Message:
    """Return what a rule of our own says: the message that its ValueError was raised with."""
    said = context["error"].args
    return said[0] if said and isinstance(said[0], Message) else _other(context)


def _choices(context: _Context) -> Message:
    expected = str(context["expected"])  # such as 'a', 'b' or 'c'
    choices = tuple(re.findall("'([^']{0,1000})'", expected)) or (expected.lower(),)
    return say("This must be one of: {choices}.", choices=choices)


_TEXT = say("This must be a text.")
_BOOLEAN = say("This must be true or false.")
_WHOLE = say("This must be a whole number.")
_OBJECT = say("This must be an object.")
_TIME = say("This must be a time of day such as 06:30.")
_INSTANT = say("This must be a date and a time such as 2026-11-24T06:30:00Z.")

_WORDS: Mapping[str, Callable[[_Context], Message]] = {
    "json_invalid": lambda _: say("The body is not JSON."),
    "missing": lambda _: say("This is required."),
    UNKNOWN_PARAMETER: lambda _: say("There is no such parameter here."),
    "extra_forbidden": lambda _: say("There is no such member here."),
    "value_error": _own,
    "enum": _choices,
    "literal_error": _choices,
    "bool_type": lambda _: _BOOLEAN,
    "bool_parsing": lambda _: _BOOLEAN,
    "int_type": lambda _: _WHOLE,
    "int_parsing": lambda _: _WHOLE,
    "int_parsing_size": lambda _: _WHOLE,
    "int_from_float": lambda _: _WHOLE,
    "greater_than_equal": lambda limit: say("This must be at least {least}.", least=limit["ge"]),
    "less_than_equal": lambda limit: say("This must be at most {most}.", most=limit["le"]),
    "string_type": lambda _: _TEXT,
    "string_unicode": lambda _: _TEXT,
    "string_too_short": lambda limit: say_count(
        "This must have at least {count} character.",
        "This must have at least {count} characters.",
        limit["min_length"],
    ),
    "string_too_long": lambda limit: say_count(
        "This may have {count} character.",
        "This may have {count} characters.",
        limit["max_length"],
    ),
    "string_pattern_mismatch": lambda limit: say(
        "This must have the form {pattern}", pattern=limit["pattern"]
    ),
    "list_type": lambda _: say("This must be a list."),
    "too_short": lambda limit: say_count(
        "This must hold at least {count} thing.",
        "This must hold at least {count} things.",
        limit["min_length"],
    ),
    "too_long": lambda limit: say_count(
        "This may hold {count} thing.",
        "This may hold {count} things.",
        limit["max_length"],
    ),
    "dict_type": lambda _: _OBJECT,
    "model_type": lambda _: _OBJECT,
    "model_attributes_type": lambda _: _OBJECT,
    "time_type": lambda _: _TIME,
    "time_parsing": lambda _: _TIME,
    "datetime_type": lambda _: _INSTANT,
    "datetime_parsing": lambda _: _INSTANT,
    "datetime_from_date_parsing": lambda _: _INSTANT,
    "timezone_aware": lambda _: _INSTANT,
}
