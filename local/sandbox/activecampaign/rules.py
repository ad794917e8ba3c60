"""Checks what a bulk import has to look like, and words what does not.

The four rules of an address are published (reference/bulk-import-contacts); one contact that breaks
them refuses the whole request. The reference's own answers show others failing afterwards, one by
one: `invalid'character@example.com`, for instance.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_ALLOWED = r'[^"(),:;<>@\[\\\]]'
_LETTER = r"[^\W\d_]"
_IN_LABEL = r'[^"(),:;<>@\[\\\].]*'
# Something before the @, no special characters, a dot in the domain and two letters after it.
_EMAIL = re.compile(
    rf"{_ALLOWED}+@{_ALLOWED}*\.{_IN_LABEL}{_LETTER}{_IN_LABEL}{_LETTER}{_IN_LABEL}"
)
# Our guess of what the importer itself finds wrong.
_FAILS_LATER = re.compile(r"['\s]|@\.|\.\.")

TEXTS = ("first_name", "last_name", "phone", "customer_acct_name")

NOT_VALID = (
    "JSON payload did not pass validation. Please fix failure Reasons and retry. "
    "The import was not queued for processing."
)


def incorrect(name: str) -> str:
    """The vendor's words, as in its example."""
    return f"Field '{name}' incorrect format"


def planned(email: str) -> str:
    """The word before the plus sign, by which a file can plan what becomes of an address."""
    return email.partition("+")[0].lower() if "+" in email else ""


def importable(email: str) -> bool:
    """Whether an address that was queued can be imported."""
    return not _FAILS_LATER.search(email)


def failure_reasons(contacts: Sequence[Any]) -> Iterator[tuple[int, str]]:
    """The contacts that refuse the whole request, by index, and why."""
    for index, contact in enumerate(contacts):
        reason = _reason(contact)
        if reason:
            yield index, reason


def _reason(contact: Any) -> str | None:
    if not isinstance(contact, dict):
        return "Contact must be an object"
    email = contact.get("email")
    if not isinstance(email, str) or not _EMAIL.fullmatch(email) or planned(email) == "refused":
        return incorrect("email")
    # Our guesses from here on: only the reference's types are published.
    for name in TEXTS:
        if not isinstance(contact.get(name, ""), str):
            return incorrect(name)
    for name in ("subscribe", "unsubscribe"):
        if name in contact and not _all(contact[name], _is_list):
            return incorrect(name)
    if "fields" in contact and not _all(contact["fields"], _is_field):
        return incorrect("fields")
    if "tags" in contact and not _all(contact["tags"], lambda tag: isinstance(tag, str)):
        return incorrect("tags")
    return None


def _all(given: Any, fits: Any) -> bool:
    return isinstance(given, list) and all(map(fits, given))


def _is_list(given: Any) -> bool:
    # A string in the schema, a number in every example: both.
    return isinstance(given, dict) and number(given.get("listid")) is not None


def _is_field(given: Any) -> bool:
    return (
        isinstance(given, dict)
        and number(given.get("id")) is not None
        and isinstance(given.get("value"), str)
    )


def number(given: Any) -> int | None:
    """An id, which may come as a string."""
    if isinstance(given, str) and given.isdecimal():
        return int(given)
    return given if isinstance(given, int) and not isinstance(given, bool) else None


def truthy(given: Any) -> bool:
    """A flag, which may come as a string."""
    return given is True or (given is not None and str(given).lower() in ("true", "1"))


def callback_reason(given: Any) -> str | None:
    """What is wrong with the `callback` of a request."""
    if not isinstance(given, dict):
        return incorrect("callback")
    for name in ("url", "requestType"):
        if not isinstance(given.get(name), str):
            return f"Field 'callback.{name}' is required"
    if given["requestType"].upper() not in ("GET", "POST"):
        return incorrect("callback.requestType")
    for name in ("params", "headers"):
        if not _all(given.get(name, []), _is_pair):
            return incorrect(f"callback.{name}")
    return None


def _is_pair(given: Any) -> bool:
    return isinstance(given, Mapping) and all(
        isinstance(given.get(name), str) for name in ("key", "value")
    )
