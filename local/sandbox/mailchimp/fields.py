"""Checks addresses and merge fields, and says in Mailchimp's words which rule they break."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

MAXIMUM_TEXT_BYTES = 255

_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
# International characters are allowed after the @ only.
_DOMAIN = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_][\w-]{0,61}[^\W_]", re.UNICODE)
_US_PHONE = re.compile(r"\D*1?\D*([2-9]\d{2})\D*([2-9]\d{2})\D*(\d{4})\D*")

_BIRTHDAY = re.compile(r"(?:0[1-9]|1[0-2])/(?:0[1-9]|[12][0-9]|3[01])")
_ZIP = re.compile(r"[0-9]{5}(?:-[0-9]{4})?")

_COMPLIANCE = ("unsubscribed+", "bounced+", "compliance+")


class RefusedError(Exception):
    """One member is not written; what its entry in `errors` says."""

    def __init__(
        self,
        text: str,
        *,
        title: str = "Invalid Resource",
        code: str = "ERROR_GENERIC",
        field: str = "",
        field_message: str = "",
    ) -> None:
        super().__init__(text)
        self.text, self.title, self.code = text, title, code
        self.field, self.field_message = field, field_message


def in_compliance_state(email: str) -> RefusedError:
    """The person unsubscribed or bounced, or is under review."""
    return RefusedError(
        f"{email} is in a compliance state due to unsubscribe, bounce, or compliance review and "
        "cannot be subscribed.",
        title="Member In Compliance State",
    )


def forgotten(email: str) -> RefusedError:
    """The person was permanently deleted."""
    return RefusedError(
        f"{email} was permanently deleted and cannot be re-imported. The contact must re-subscribe "
        "to get back on the list.",
        title="Forgotten Email Not Subscribed",
    )


def checked_email(given: object) -> str:
    """The address without surrounding blanks. Raises RefusedError."""
    email = given.strip() if isinstance(given, str) else ""
    local_part, at, domain = email.rpartition("@")
    if not at or not _LOCAL_PART.fullmatch(local_part) or len(local_part) > 64:
        raise RefusedError("Please provide a valid email address.")
    if not _DOMAIN.fullmatch(domain):
        raise RefusedError(
            f"The domain portion of the email address is invalid (the portion after the @: "
            f"{domain})"
        )
    if domain.lower() == "fake.example":
        raise RefusedError(f"{email} looks fake or invalid, please enter a real email address.")
    _check_planned(email, local_part.lower())
    return email


def _check_planned(email: str, local_part: str) -> None:
    if local_part.startswith(_COMPLIANCE):
        raise in_compliance_state(email)
    if local_part.startswith("forgotten+"):
        raise forgotten(email)
    if local_part.startswith("toomany+"):
        raise RefusedError(
            f"{email} has signed up to a lot of lists very recently; we're not allowing more "
            "signups for now"
        )


@dataclass
class MergeField:
    """A field of an audience. All types but text and imageurl have rules of their own."""

    merge_id: int
    tag: str
    name: str
    type: str = "text"
    required: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    def clean(self, value: Any) -> Any:
        """The value as it is stored; "" clears. Raises RefusedError."""
        if value is None or value == "":
            return ""
        if isinstance(value, bool):
            raise self.refused("Please enter a value")  # booleans must be sent as strings
        if self.type == "address":
            return self._address(value)
        if isinstance(value, (dict, list)):
            raise self.refused("Please enter a value")
        if self.type == "number":
            return self._number(value)
        text = clip(str(value))
        if self.type == "phone":
            return self._phone(text)
        if self.type == "date":
            return self._date(text)
        self._check(text)
        return text

    def refused(self, message: str) -> RefusedError:
        """The refusal of a member for this field."""
        return RefusedError(
            "Your merge fields were invalid.", field=self.tag, field_message=message
        )

    def _phone(self, text: str) -> str:
        # Our guess: a number that is not American is refused, not blanked.
        if self.options.get("phone_format") != "US":
            return text
        parts = _US_PHONE.fullmatch(text)
        if not parts:
            raise self.refused("Please enter a valid phone number")
        return "-".join(parts.groups())

    def _date(self, text: str) -> str:
        # ISO 8601 and the American way; the words are from answers that others recorded.
        for form in ("%Y-%m-%d", "%m/%d/%Y"):
            try:
                return datetime.strptime(text, form).date().isoformat()  # noqa: DTZ007 # only a day
            except ValueError:
                continue
        raise self.refused("Please enter the date")

    def _check(self, text: str) -> None:
        if self.type == "birthday" and not _BIRTHDAY.fullmatch(text):
            raise self.refused("Please enter a month (01-12) and a day (01-31)")  # recorded, too
        # Our guesses from here on, words and all.
        if self.type == "zip" and not _ZIP.fullmatch(text):
            raise self.refused("Please enter a zip code (5 digits)")
        if self.type == "url" and not text.lower().startswith(("http://", "https://")):
            raise self.refused("Please enter a complete URL")
        if self.type in ("radio", "dropdown") and text not in self.options.get("choices", ()):
            raise self.refused("Please choose one of the options")

    def _number(self, value: Any) -> float | int:
        try:
            number = float(value)
        except ValueError:
            raise self.refused("Please enter a number") from None
        return int(number) if number.is_integer() else number

    def _address(self, value: Any) -> Any:
        if isinstance(value, str):
            return clip(value)
        needed = ("addr1", "city", "state", "zip")
        if not isinstance(value, dict) or not all(value.get(part) for part in needed):
            raise self.refused("Please enter a complete address")
        return {part: clip(str(text)) for part, text in value.items()}


def clip(text: str) -> str:
    """Cut to 255 bytes of UTF-8, never within a character."""
    if 4 * len(text) <= MAXIMUM_TEXT_BYTES:  # the common case, cheaply: no character is longer
        return text
    data = text.encode()
    if len(data) <= MAXIMUM_TEXT_BYTES:
        return text
    return data[:MAXIMUM_TEXT_BYTES].decode(errors="ignore")
