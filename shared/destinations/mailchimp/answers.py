"""Mailchimp: what its answers say, of members of a bulk call, of accounts, and of a refused request.

Facts and their sources:
- An answer to a bulk call holds every member whole, some 1.7 MB. `fields` cuts it down; the reference
  lists that parameter for GET only, other programs use it here too. A setting turns it off.
- Every refusal but "exists" has the code ERROR_GENERIC, so its kind is in its words (Marketing API
  3.0 reference). Problem documents have titles, which change less than words do.
"""

import re
from collections.abc import Sequence
from typing import Any

import httpx
import msgspec
import orjson

from shared.destinations.answers import malformed_answer, no_account, refused
from shared.destinations.batch import Batch
from shared.domain.connection import Account
from shared.domain.email import normal_form
from shared.domain.errors import (
    BatchRefused,
    Culprit,
    DestinationError,
    NeedsAttention,
    RateLimited,
)
from shared.domain.message import say
from shared.domain.outcomes import Outcome, RowOutcome

TITLE = "Mailchimp"
ANSWER_FIELDS = ",".join(
    (
        "new_members.email_address",
        "updated_members.email_address",
        "errors",
        "total_created",
        "total_updated",
    )
)
_DATA_CENTRE = re.compile(r"[a-z]{2,4}[0-9]{1,3}")
_USER_ID = re.compile(r"[0-9]{1,20}")
_BLOCKED = "compliance related"
_LEFT_OUT = say("The answer of {destination} leaves it out.", destination=TITLE)
_DETAIL = 300  # characters of a problem's words that are kept
_EXISTS = "ERROR_CONTACT_EXISTS"
_SUPPRESSED_CODES = ("member_in_compliance_state", "forgotten_email_not_subscribed")
_SUPPRESSED = ("compliance state", "permanently deleted", "unsubscribed", "bounced")
_AROUND_ADDRESS = str.maketrans("", "", '"<>')  # none of them is in an address that is sent


class _Member(msgspec.Struct):
    email_address: str


_NOBODY = msgspec.Raw(b"[]")


class _Error(msgspec.Struct):
    email_address: str
    error: Any = ""
    error_code: Any = ""
    field: Any = ""  # the tag of the merge field that is at fault
    field_message: Any = ""


class Answer(msgspec.Struct):
    """What is read of an answer to a bulk call; the rest is skipped without being kept.

    Who was written is taken apart only when somebody is missing, which is seldom.
    """

    errors: list[_Error]
    total_created: int
    total_updated: int
    new_members: msgspec.Raw = _NOBODY
    updated_members: msgspec.Raw = _NOBODY

    def written(self) -> Sequence[_Member]:
        """Return the members that are new or updated; raise TryLater for what are none."""
        try:
            return [*_MEMBERS.decode(self.new_members), *_MEMBERS.decode(self.updated_members)]
        except (msgspec.DecodeError, RecursionError):
            raise malformed_answer(TITLE) from None


_ANSWER = msgspec.json.Decoder(Answer)
_MEMBERS = msgspec.json.Decoder(list[_Member])


def read(content: bytes) -> Answer:
    """Take an answer to a bulk call apart; raise ValueError for what is no JSON, TryLater for other JSON."""
    try:
        return _ANSWER.decode(content)
    except (msgspec.ValidationError, RecursionError):  # JSON, but of another shape
        raise malformed_answer(TITLE) from None


def outcomes(batch: Batch, answer: Answer) -> Sequence[RowOutcome]:
    """Pair refusals with their rows by address, and find the rows that the answer leaves out."""
    written = answer.total_created + answer.total_updated
    if not answer.errors and written == batch.size:
        return ()
    index_of = batch.index_of()
    errors = {_address(error): error for error in answer.errors}
    refused = {_address(error): error for error in answer.errors if error.error_code != _EXISTS}
    rejects = [
        _refusal(index_of[address], address, error)
        for address, error in refused.items()
        if address in index_of
    ]
    if written + len(errors) == batch.size and errors.keys() <= index_of.keys():
        return rejects
    named = errors.keys() | set(map(_address, answer.written()))
    return rejects + [
        RowOutcome(index, Outcome.UNKNOWN, "not_mentioned", _LEFT_OUT)
        for address, index in index_of.items()
        if address not in named
    ]


def _address(item: _Member | _Error) -> str:
    """Return the address as it was sent, whatever its case, its quotes, the script of its domain."""
    return normal_form(item.email_address.translate(_AROUND_ADDRESS))


def _refusal(index: int, address: str, error: _Error) -> RowOutcome:
    reason, code = str(error.error or ""), str(error.error_code or "")
    if error.field and error.field_message:
        reason = f"{reason} {error.field}: {error.field_message}"
    return RowOutcome(index, refused_as("", reason, address), code, reason)


def refused_as(code: str, reason: str, address: str) -> Outcome:
    """Tell a no of the person from others: by the code, or else by the words beside the address."""
    words = reason.lower().replace(address, "")
    said_no = code in _SUPPRESSED_CODES or any(phrase in words for phrase in _SUPPRESSED)
    return Outcome.SUPPRESSED if said_no else Outcome.REFUSED


def explained(response: httpx.Response) -> DestinationError | None:
    """Return what an error means where that differs from the common table."""
    status = response.status_code
    if status == httpx.codes.FORBIDDEN and not _is_json(response):
        return RateLimited(
            say(
                "{destination} is limiting requests (a 403 without an explanation).",
                destination=TITLE,
            )
        )
    title, detail = _problem(response)
    if title.lower() == _BLOCKED:
        return NeedsAttention(
            Culprit.CONNECTION,
            say(
                "{destination} has shut this account off ({words}). Sign in there to see why.",
                destination=TITLE,
                words=title,
            ),
        )
    if status == httpx.codes.BAD_REQUEST and title:
        code = title[:60].lower().replace(" ", "_")
        return BatchRefused(code, refused(TITLE, f"400, {title}", detail))
    return None


def account_of(metadata: Any) -> Account:
    """Read the metadata; it is a 200 with an error object when the token is wrong."""
    said = metadata if isinstance(metadata, dict) else {}
    centre, user = str(said.get("dc")), str(said.get("user_id"))
    if not _DATA_CENTRE.fullmatch(centre) or not _USER_ID.fullmatch(user):
        raise NeedsAttention(Culprit.CONNECTION, no_account(TITLE))
    return Account(
        id=f"{centre}-{user}",
        name=str(said.get("accountname") or TITLE),
        endpoint=centre,
    )


def _is_json(response: httpx.Response) -> bool:
    """Say whether an answer claims to be JSON."""
    return "json" in response.headers.get("content-type", "")


def _problem(response: httpx.Response) -> tuple[str, str]:
    """Return the title and the words of a problem document; empty texts where there is none."""
    try:
        said = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        return "", ""
    words, errors = [said.get("detail")], said.get("errors")
    for error in errors if isinstance(errors, list) else ():
        words.append(error.get("message") if isinstance(error, dict) else error)
    return str(said.get("title") or ""), " ".join(str(each) for each in words if each)[:_DETAIL]
