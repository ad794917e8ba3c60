"""Mailchimp: adds profiles to one audience, and updates those that are there.

Facts and their sources:
- `POST /lists/{audience}` takes up to 500 members and answers 200 with one error per refused member,
  named by address (Marketing API 3.0 reference, "Batch subscribe or unsubscribe").
- `status_if_new` is used for new members only, so nobody who unsubscribed is ever subscribed again;
  it stands in the vendor's 2026 SDK, not in the older OpenAPI document.
- An account user may have 10 connections open at once (Fundamentals, "Throttling"); we use 8 and
  leave two to people and other programs.
- OAuth tokens do not expire and there is no refresh token ("Access user data with OAuth 2").
- An answer to a bulk call holds every member whole, some 1.7 MB. `fields` cuts it down; the reference
  lists that parameter for GET only, other programs use it here too. A setting turns it off.
- The metadata call answers 200 with an error object when the token is wrong.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlencode

import httpx
import orjson

from shared.destinations.protocol import (
    Api,
    Batch,
    Client,
    Credentials,
    Encoder,
    Field,
    Finished,
    JobFiles,
    Kind,
    Limits,
    ListInfo,
    Sent,
    SignIn,
    Target,
    Unsure,
)
from shared.domain.connection import Account
from shared.domain.email import normal_form
from shared.domain.errors import Culprit, Halt, Limited, NeedsAttention, TryLater
from shared.domain.outcomes import Outcome, RowOutcome
from shared.domain.run import Job

_DATA_CENTRE = re.compile(r"[a-z]{2,4}[0-9]{1,3}")
_USER_ID = re.compile(r"[0-9]{1,20}")
_LIST_ID = re.compile(r"[0-9a-zA-Z]{1,64}")
_TAGS = {"first_name": "FNAME", "last_name": "LNAME"}
_TEXT_BYTES = 255  # of a text merge field ("Format guidelines for your import file")
_ANSWER_FIELDS = ",".join(
    (
        "new_members.email_address",
        "updated_members.email_address",
        "errors",
        "total_created",
        "total_updated",
    )
)
_EXISTS = "ERROR_CONTACT_EXISTS"
_SUPPRESSED = ("compliance state", "permanently deleted", "unsubscribed", "bounced")


@dataclass(frozen=True)
class Mailchimp:
    """The Mailchimp destination; the addresses are settings so that a stand-in can take their place."""

    client: Client
    login_url: str
    api_url: str  # may hold {dc}, the account's data centre
    partial_answers: bool = True

    name = "mailchimp"
    title = "Mailchimp"
    auth: Literal["oauth"] = "oauth"
    fields = (
        Field("email", "Email", required=True, kind=Kind.EMAIL),
        Field("first_name", "First name"),
        Field("last_name", "Last name"),
    )
    options = ()
    # No limit on bytes is published; 500 members of four fields are about 83 kB.
    limits = Limits(profiles_per_batch=500, bytes_per_batch=2_000_000, concurrency=10)

    def authorize_url(self, redirect_uri: str, state: str, challenge: str) -> str:
        """Return Mailchimp's sign-in page. It documents no PKCE."""
        query = {
            "response_type": "code",
            "client_id": self.client.id,
            "redirect_uri": redirect_uri,
            "state": state,
        }
        return f"{self.login_url}/oauth2/authorize?{urlencode(query)}"

    async def exchange(
        self, sign_in: SignIn, code: str, redirect_uri: str, verifier: str
    ) -> tuple[Credentials, Account]:
        """Trade the code for a token, and ask which account and data centre it is for."""
        answer = await sign_in.post_form(
            f"{self.login_url}/oauth2/token",
            {
                "grant_type": "authorization_code",
                "client_id": self.client.id,
                "client_secret": self.client.secret,
                "redirect_uri": redirect_uri,
                "code": code,
            },
        )
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not token:
            raise NeedsAttention(Culprit.CONNECTION, "Mailchimp gave no access. Sign in again.")
        metadata = await sign_in.get_json(
            f"{self.login_url}/oauth2/metadata", {"Authorization": f"OAuth {token}"}
        )
        return {"access_token": str(token)}, _account(metadata)

    def expires_at(self, credentials: Credentials) -> datetime | None:
        """Say that tokens last."""
        return None

    async def refresh(self, sign_in: SignIn, credentials: Credentials) -> Credentials:
        """Return the same: there is nothing to refresh with."""
        return credentials

    async def revoke(self, sign_in: SignIn, credentials: Credentials) -> None:
        """Do nothing: Mailchimp documents no call for it. The owner can remove our app there."""

    def base_url(self, account: Account) -> str:
        """Return the API of the account's data centre."""
        return f"{self.api_url.format(dc=account.endpoint)}/3.0"

    def headers(self, credentials: Credentials) -> Mapping[str, str]:
        """Authorise with the access token."""
        return {"Authorization": f"Bearer {credentials['access_token']}"}

    def lane(self, account: Account) -> str:
        """One quota per account user: that is what the 10 connections are counted by."""
        return f"mailchimp-{account.id}"

    def explain(self, response: httpx.Response) -> Halt | None:
        """Tell Mailchimp's throttling 403, which has no JSON body, from a real one."""
        is_json = "json" in response.headers.get("content-type", "")
        if response.status_code == httpx.codes.FORBIDDEN and not is_json:
            return Limited("Mailchimp is limiting requests (a 403 without an explanation).")
        return None

    async def check(self, api: Api) -> None:
        """Ping."""
        await api.get("/ping")

    async def lists(self, api: Api) -> Sequence[ListInfo]:
        """Return every audience, 1,000 at a time."""
        found: list[ListInfo] = []
        while True:
            page = await api.get(
                "/lists",
                {"count": "1000", "offset": str(len(found)), "fields": "lists.id,lists.name"},
            )
            with _making_sense():
                found += [ListInfo(str(item["id"]), str(item["name"])) for item in page["lists"]]
                if len(page["lists"]) < 1000:
                    return found

    async def look_up(self, api: Api, list_id: str) -> ListInfo:
        """Return one audience."""
        audience = await self._audience(api, list_id)
        with _making_sense():
            return ListInfo(str(audience["id"]), str(audience["name"]))

    async def fields_of(self, api: Api, list_id: str) -> Sequence[Field]:
        """Return the fields that every audience has."""
        return self.fields

    async def encoder(self, api: Api, target: Target) -> Encoder:
        """Look up what the audience asks of new members, and which merge fields it still has."""
        list_id, fields = target.list_id, target.fields
        audience = await self._audience(api, list_id)
        # With double opt-in a person confirms first; `subscribed` would go round that.
        status = "pending" if audience.get("double_optin") else "subscribed"
        answer = await api.get(
            f"/lists/{list_id}/merge-fields", {"count": "1000", "fields": "merge_fields.tag"}
        )
        with _making_sense():
            there = {str(field["tag"]) for field in answer["merge_fields"]}
        tags = tuple(_TAGS[field] for field in fields)
        notes = [
            f"The audience has no merge field {tag}; it is left out."
            for tag in tags
            if tag not in there
        ]
        used = [(at, tag) for at, tag in enumerate(tags) if tag in there]

        def encode(address: str, values: Sequence[str]) -> bytes:
            # An empty cell is left out: it must not clear what the audience has.
            merge = {tag: text for at, tag in used if (text := values[at].strip())}
            member = {"email_address": address, "status_if_new": status, "merge_fields": merge}
            fragment = orjson.dumps(member)
            if len(fragment) > _TEXT_BYTES:  # only then can a field be too long
                member["merge_fields"] = {tag: _clipped(text) for tag, text in merge.items()}
                fragment = orjson.dumps(member)
            return fragment

        return Encoder(encode, lambda: notes)

    async def send(self, api: Api, target: Target, batch: Batch, unsure: Unsure | None) -> Sent:
        """Add or update up to 500 members; doing it twice is the same as doing it once."""
        # A merge field that the audience requires and the segment lacks must not refuse a profile.
        params = {"skip_merge_validation": "true"}
        if self.partial_answers:
            params["fields"] = _ANSWER_FIELDS
        body = b'{"members":[' + batch.joined + b'],"update_existing":true}'
        return Sent(_outcomes(batch, await api.post(f"/lists/{target.list_id}", body, params)))

    async def poll(self, api: Api, jobs: Sequence[Job], files: JobFiles) -> Sequence[Finished]:
        """Return nothing: Mailchimp answers at once and has no jobs."""
        return ()

    async def _audience(self, api: Api, list_id: str) -> dict[str, Any]:
        if not _LIST_ID.fullmatch(list_id):
            raise _no_audience(list_id)
        try:
            answer = await api.get(f"/lists/{list_id}", {"fields": "id,name,double_optin"})
        except NeedsAttention as error:
            raise _no_audience(list_id) if error.culprit is Culprit.LIST else error from None
        if not isinstance(answer, dict) or "id" not in answer:
            raise TryLater("Mailchimp gave an answer that makes no sense.")
        return answer


def _no_audience(list_id: str) -> NeedsAttention:
    return NeedsAttention(Culprit.LIST, f"Mailchimp has no audience with the ID {list_id}.")


def _account(metadata: Any) -> Account:
    """Read the metadata; it is a 200 with an error object when the token is wrong."""
    said = metadata if isinstance(metadata, dict) else {}
    centre, user = str(said.get("dc")), str(said.get("user_id"))
    if not _DATA_CENTRE.fullmatch(centre) or not _USER_ID.fullmatch(user):
        raise NeedsAttention(
            Culprit.CONNECTION, "Mailchimp did not name the account. Sign in again."
        )
    return Account(
        id=f"{centre}-{user}",
        name=str(said.get("accountname") or "Mailchimp"),
        endpoint=centre,
    )


def _clipped(text: str) -> str:
    """Cut a text merge field to 255 bytes, never inside a character."""
    return text.encode()[:_TEXT_BYTES].decode(errors="ignore")


def _outcomes(batch: Batch, answer: Any) -> Sequence[RowOutcome]:
    """Pair refusals with their rows by address, and find the rows that the answer leaves out."""
    with _making_sense():
        errors = answer["errors"]
        written = answer["total_created"] + answer["total_updated"]
        if not errors and written == batch.size:
            return ()
        named = {_address(error) for error in errors}
        refused = {_address(error): error for error in errors if error.get("error_code") != _EXISTS}
        index_of = batch.index_of()
        outcomes = [
            _refusal(index_of[address], error)
            for address, error in refused.items()
            if address in index_of
        ]
        if written + len(named) == batch.size and named <= index_of.keys():
            return outcomes
        for member in (*answer.get("new_members", ()), *answer.get("updated_members", ())):
            named.add(_address(member))
    return outcomes + [
        RowOutcome(index, Outcome.UNKNOWN, "not_mentioned", "Mailchimp's answer leaves it out.")
        for address, index in index_of.items()
        if address not in named
    ]


def _address(item: Mapping[str, str]) -> str:
    return normal_form(item["email_address"])


def _refusal(index: int, error: Mapping[str, Any]) -> RowOutcome:
    reason = str(error.get("error") or "")
    said_no = any(phrase in reason.lower() for phrase in _SUPPRESSED)
    outcome = Outcome.SUPPRESSED if said_no else Outcome.REFUSED
    return RowOutcome(index, outcome, str(error.get("error_code") or ""), reason)


@contextmanager
def _making_sense() -> Iterator[None]:
    """Turn what goes wrong while an answer is taken apart into TryLater."""
    try:
        yield
    except (AttributeError, KeyError, TypeError):
        raise TryLater("Mailchimp gave an answer that makes no sense.") from None
