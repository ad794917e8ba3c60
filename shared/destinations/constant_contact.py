"""Constant Contact: imports profiles into one list, and updates those that are there.

Facts and their sources (V3 API, description 3.0.178 and the developer guide):
- `POST /activities/contacts_json_import` begins a job for up to 40,000 contacts in less than 4 MB. The
  rest of a longer request is dropped without a word, so ours stay below 3.9 million bytes.
- An import changes only the properties that it is sent, and never a contact's permission. Who
  unsubscribed from the account is counted in `cannot_add_to_list_count` and not added.
- A job tells numbers, and messages that need not name anybody. `GET /activities` tells of all jobs of
  the last 10 days at once. A job that is no longer there ends as the engine ends it: unknown after a day.
- 4 requests a second and 10,000 a day are counted by app key, that is for all accounts together; an
  account can have 1,000 jobs waiting. Each of the three is answered with a 429.
- Access tokens last 24 hours, and a refresh token may work only once (vendor's forum).
- The user who signs in needs privileges besides our scopes; a 403 does not say which are missing.
"""

import hashlib
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

import httpx
import orjson

from shared.destinations import oauth
from shared.destinations.answers import making_sense
from shared.destinations.counted import Message, outcomes_of
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
    Rate,
    Sent,
    SignIn,
    Target,
    Unfit,
    Unsure,
)
from shared.destinations.values import Values
from shared.domain.clock import Clock, SystemClock
from shared.domain.connection import Account
from shared.domain.errors import (
    BatchRefused,
    Culprit,
    DayIsSpent,
    Halt,
    Limited,
    NeedsAttention,
    TryLater,
)
from shared.domain.outcomes import Outcome
from shared.domain.run import Job

_TITLE = "Constant Contact"
_SCOPES = "contact_data account_read offline_access"
_PRIVILEGES = ("contacts:write", "contacts:lists:read")
_ID = re.compile(r"[0-9A-Za-z-]{1,64}")

_BODY_BYTES = 3_900_000  # whichever megabyte is meant
_ENVELOPE_BYTES = 200
_ADDRESS_LENGTH = 80  # in the help pages; the import's own description says 50
_ADDRESS_LENGTH_IN_DOUBT = 50
_CUSTOM = "cf:"
_CUSTOM_LENGTH = 255
_CUSTOM_FIELDS = 25  # of one contact
# How an import takes a `datetime` or a `multi_select` is written nowhere, so they are not offered.
_KINDS = {
    "string": Kind.TEXT,
    "text_area": Kind.TEXT,
    "date": Kind.DATE,
    "number": Kind.NUMBER,
    "currency": Kind.NUMBER,
    "single_select": Kind.CHOICE,
    "boolean": Kind.CHOICE,
}

_QUEUE_SECONDS = 60.0  # until a full queue may have room
_THROTTLED_SECONDS = 1.5
_CLOCKS_APART = timedelta(minutes=1)
_LOST_WITHIN = timedelta(minutes=5)  # a request of ours is over long before
_DID_NOTHING = ("cancelled", "failed", "timed_out")
_COUNTERS = ("person_count", "cannot_add_to_list_count", "error_count", "correctable_count")
_SAID_NO = ("unsubscribed", "cannot be added", "opted out")


@dataclass(frozen=True)
class ConstantContact:
    """The Constant Contact destination; what can differ between apps and stand-ins are settings."""

    client: Client
    login_url: str
    api_url: str
    requests_per_second: int = 4
    requests_per_day: int = 10_000
    date_format: str = "%m/%d/%Y"
    clock: Clock = field(default_factory=SystemClock)

    name = "constant_contact"
    title = _TITLE
    auth: Literal["oauth"] = "oauth"
    fields = (
        Field("email", "Email", required=True, kind=Kind.EMAIL, longest=_ADDRESS_LENGTH),
        Field("first_name", "First name", longest=50),
        Field("last_name", "Last name", longest=50),
        Field("phone", "Phone", kind=Kind.PHONE, longest=25),
    )
    options = ()

    @cached_property
    def limits(self) -> Limits:
        """What our app key may ask for."""
        return Limits(
            profiles_per_batch=40_000,
            bytes_per_batch=_BODY_BYTES - _ENVELOPE_BYTES,
            concurrency=1,  # an import whose answer was lost is looked for among the account's jobs
            rates=(Rate(self.requests_per_second, 1),),
            requests_per_day=self.requests_per_day,
            jobs_per_look=1000,
            look_tells_all=True,
        )

    @cached_property
    def _oauth(self) -> oauth.OAuth:
        url = f"{self.login_url}/oauth2/default/v1"
        return oauth.OAuth(_TITLE, self.client, url, _SCOPES, self.clock)

    def authorize_url(self, redirect_uri: str, state: str, challenge: str) -> str:
        """Return Constant Contact's sign-in page."""
        return self._oauth.authorize_url(redirect_uri, state, challenge)

    async def exchange(
        self, sign_in: SignIn, code: str, redirect_uri: str, verifier: str
    ) -> tuple[Credentials, Account]:
        """Trade the code for tokens, see what the user may do, and ask which account it is."""
        credentials = await self._oauth.exchange(sign_in, code, redirect_uri, verifier)
        url, headers = f"{self.api_url}/v3/account", self.headers(credentials)
        _require_privileges(await sign_in.get_json(f"{url}/user/privileges", headers))
        return credentials, self._account(await sign_in.get_json(f"{url}/summary", headers))

    def expires_at(self, credentials: Credentials) -> datetime | None:
        """Return when the access token ends."""
        return oauth.expires_at(credentials)

    async def refresh(self, sign_in: SignIn, credentials: Credentials) -> Credentials:
        """Trade the refresh token; the old one may be dead from then on."""
        return await self._oauth.refresh(sign_in, credentials)

    async def revoke(self, sign_in: SignIn, credentials: Credentials) -> None:
        """Revoke the refresh token, at an address that the guide does not mention."""
        await self._oauth.revoke(sign_in, credentials)

    def base_url(self, account: Account) -> str:
        """Return the API, which is one for all accounts."""
        return f"{self.api_url}/v3"

    def headers(self, credentials: Credentials) -> Mapping[str, str]:
        """Authorise with the access token."""
        return {"Authorization": f"Bearer {credentials['access_token']}"}

    def lane(self, account: Account) -> str:
        """One quota for all accounts: requests are counted by our app key."""
        return f"constant-contact-{hashlib.sha256(self.client.id.encode()).hexdigest()[:16]}"

    def explain(self, response: httpx.Response) -> Halt | None:
        """Tell the three kinds of 429 apart, and read what the API and the sign-in say of errors."""
        if not response.is_client_error:
            return None
        said = _said(response)
        key = str(said.get("error_key") or "")
        text = str(said.get("error_message") or said.get("message") or "")[:300]
        match response.status_code:
            case 429:
                return _limit(key, text.lower(), response)
            case 400 | 401 if "error" in said:
                return oauth.refusal(_TITLE, str(said["error"])[:100])
            case 403:
                return NeedsAttention(
                    Culprit.CONNECTION,
                    f"{_TITLE} refused (403): the user who signed in lacks a privilege, or the app "
                    "is no longer allowed. Sign in again.",
                )
            case 409:
                return TryLater(f"{_TITLE} is changing the same contacts for somebody else (409).")
            case 401 | 404 | 408:
                return None
            case status:
                reason = f"{_TITLE} refused the request ({status}). {text}"
                return BatchRefused(key or f"http_{status}", reason)

    async def check(self, api: Api) -> None:
        """Ask what the user may do."""
        _require_privileges(await api.get("/account/user/privileges"))

    async def lists(self, api: Api) -> Sequence[ListInfo]:
        """Return every list that is not deleted."""
        found = _pages(api, "/contact_lists", "lists", limit="500", status="active")
        return [_list_info(item) async for items in found for item in items]

    async def look_up(self, api: Api, list_id: str) -> ListInfo:
        """Return one list, unless it was deleted."""
        none = NeedsAttention(Culprit.LIST, f"{_TITLE} has no list with the ID {list_id}.")
        if not _ID.fullmatch(list_id):
            raise none
        try:
            answer = await api.get(f"/contact_lists/{list_id}")
        except NeedsAttention as error:
            raise none if error.culprit is Culprit.LIST else error from None
        with making_sense(_TITLE):
            if answer.get("deleted_at"):
                reason = f"The list {answer['name']} was deleted at {_TITLE}."
                raise NeedsAttention(Culprit.LIST, reason)
        return _list_info(answer)

    async def fields_of(self, api: Api, list_id: str) -> Sequence[Field]:
        """Return the fields of every account, and the custom fields of this one."""
        found = _pages(api, "/contact_custom_fields", "custom_fields", limit="100")
        custom = [_custom_field(item) async for items in found for item in items]
        return (*self.fields, *filter(None, custom))

    async def encoder(self, api: Api, target: Target) -> Encoder:
        """Look up whether the list is there, and the custom fields if the export fills some."""
        await self.look_up(api, target.list_id)
        custom = sum(name.startswith(_CUSTOM) for name in target.fields)
        if custom > _CUSTOM_FIELDS:
            raise NeedsAttention(
                Culprit.LIST,
                f"{_TITLE} takes {_CUSTOM_FIELDS} custom fields of a contact at most; "
                f"the export fills {custom}.",
            )
        fields = await self.fields_of(api, target.list_id) if custom else self.fields
        values = Values(fields, target, {Kind.DATE: self._date})
        long = Counter[str]()

        def encode(address: str, cells: Sequence[str]) -> bytes:
            if len(address) > _ADDRESS_LENGTH_IN_DOUBT:
                if len(address) > _ADDRESS_LENGTH:
                    reason = f"Email must be at most {_ADDRESS_LENGTH} characters long."
                    raise Unfit("bad_value", reason)
                long["addresses"] += 1
            return orjson.dumps({"email": address, **values.of(cells)})

        def notes() -> Sequence[str]:
            about_long = (
                f"Addresses longer than {_ADDRESS_LENGTH_IN_DOUBT} characters: {long.total():,}. "
                f"{_TITLE} may refuse them."
            )
            return [*values.notes(), *([about_long] if long else ())]

        return Encoder(encode, notes)

    async def send(self, api: Api, target: Target, batch: Batch, unsure: Unsure | None) -> Sent:
        """Begin an import, unless the one that an earlier try began can be found."""
        if unsure and (begun := await _begun(api, batch.size, unsure)):
            return Sent(job=begun)
        body = b'{"list_ids":["%b"],"import_data":[%b]}' % (target.list_id.encode(), batch.joined)
        if len(body) >= _BODY_BYTES:
            raise BatchRefused("too_large", f"{_TITLE} would drop a part of so large a request.")
        answer = await api.post("/activities/contacts_json_import", body)
        with making_sense(_TITLE):
            return Sent(job=_id_of(answer))

    async def poll(self, api: Api, jobs: Sequence[Job], files: JobFiles) -> Sequence[Finished]:
        """Find the jobs among those of the account."""
        waiting = {job.id: job for job in jobs}
        over: list[Finished] = []
        async for activities in _pages(api, "/activities", "activities", limit="500"):
            for activity in activities:
                if job := waiting.pop(str(activity.get("activity_id")), None):
                    over += await _finished(job, activity, files)
            if not waiting:
                break
        return over

    def _account(self, summary: Any) -> Account:
        said = summary if isinstance(summary, dict) else {}
        key = said.get("encoded_account_id")
        if not isinstance(key, str) or not _ID.fullmatch(key):
            raise NeedsAttention(
                Culprit.CONNECTION, f"{_TITLE} did not name the account. Sign in again."
            )
        name = str(said.get("organization_name") or _TITLE)
        return Account(id=key, name=name, endpoint=urlsplit(self.api_url).netloc)

    def _date(self, text: str) -> str:
        return date.fromisoformat(text[:10]).strftime(self.date_format)


def _said(response: httpx.Response) -> Mapping[str, Any]:
    """Read an error: an array of objects or one object, of the API's or OAuth's kind, or nothing."""
    try:
        body = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return {}
    first = body[0] if isinstance(body, list) and body else body
    return first if isinstance(first, dict) else {}


def _limit(key: str, text: str, response: httpx.Response) -> Halt | None:
    """Tell a full queue from a spent day and from too many requests in a second."""
    if "queue" in key or "queued activities" in text:
        return TryLater(f"{_TITLE} has all the imports waiting that it lets wait.", _QUEUE_SECONDS)
    if "quota" in key or "limit exceeded" in text:
        return DayIsSpent(f"{_TITLE} has had all the requests of a day.")
    if "retry-after" in response.headers:
        return None
    return Limited(f"{_TITLE} is limiting requests (429).", _THROTTLED_SECONDS)


def _require_privileges(answer: Any) -> None:
    with making_sense(_TITLE):
        if not isinstance(answer, list):
            raise TypeError("no list of privileges")
        has = {str(each["privilege_name"]) for each in answer}
    if lacking := [each for each in _PRIVILEGES if each not in has]:
        raise NeedsAttention(
            Culprit.CONNECTION,
            f"The user who signed in at {_TITLE} lacks {' and '.join(lacking)}. Sign in as a user "
            "who may manage contacts.",
        )


def _list_info(item: Mapping[str, Any]) -> ListInfo:
    with making_sense(_TITLE):
        return ListInfo(str(item["list_id"]), str(item["name"]))


def _custom_field(item: Mapping[str, Any]) -> Field | None:
    """Return a custom field as one that can be mapped, or None if it cannot be imported."""
    with making_sense(_TITLE):
        kind = _KINDS.get(item["type"])
        name, title = f"{_CUSTOM}{item['name']}", str(item.get("label") or item["name"])
        choices = [str(each["choice_label"]) for each in item.get("choices") or ()]
    if kind is None:
        return None
    if item["type"] == "boolean":
        choices = ["true", "false"]
    elif kind is Kind.CHOICE and not choices:
        kind = Kind.TEXT
    return Field(name, title, kind=kind, longest=_CUSTOM_LENGTH, choices=choices)


async def _pages(
    api: Api, path: str, key: str, **params: str
) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
    """Yield the pages of a collection.

    Of a link to the next page only the query is used, so that it can lead to no other place.
    """
    asked: list[Mapping[str, str]] = []
    while params not in asked:
        asked.append(params)
        page = await api.get(path, params)
        with making_sense(_TITLE):
            items = [dict(item) for item in page[key]]
            link = ((page.get("_links") or {}).get("next") or {}).get("href") or ""
            params = dict(parse_qsl(urlsplit(link).query))
        yield items
        if not params:
            return
    raise TryLater(f"{_TITLE} gave an answer that makes no sense.")


def _id_of(activity: Mapping[str, Any]) -> str:
    key = activity["activity_id"]
    if not _ID.fullmatch(key):
        raise ValueError("no id of an activity")
    return str(key)


async def _begun(api: Api, size: int, unsure: Unsure) -> str | None:
    """Return the import that an earlier try began; None when there is none, or no telling which.

    Then the batch is sent once more, which makes Constant Contact work more but changes nothing.
    """
    earliest, latest = unsure.since - _CLOCKS_APART, unsure.since + _LOST_WITHIN
    found: list[str] = []
    async for activities in _pages(api, "/activities", "activities", limit="500"):
        with making_sense(_TITLE):
            for activity in activities:
                if not _holds(activity.get("status") or {}, size):
                    continue
                created = datetime.fromisoformat(activity["created_at"])
                if activity["activity_id"] not in unsure.known and earliest <= created <= latest:
                    found.append(_id_of(activity))
    return found[0] if len(found) == 1 else None


def _holds(status: Mapping[str, Any], size: int) -> bool:
    """Say whether an activity has so many contacts; by its description it counts a header row, too."""
    total, people = status.get("items_total_count"), status.get("person_count")
    return total == size or (total == size + 1 and people == size)


async def _finished(job: Job, activity: Mapping[str, Any], files: JobFiles) -> Sequence[Finished]:
    """Return what became of a job, if it is over."""
    state = activity.get("state")
    if state in _DID_NOTHING:
        return [Finished(job, failed=f"{_TITLE} ended the import as {state}.")]
    if state != "completed":
        return ()
    with making_sense(_TITLE):
        status = activity["status"]
        counts = {name: max(0, int(status.get(name) or 0)) for name in _COUNTERS}
        texts = [
            str(each["message"] if isinstance(each, dict) else each)
            for each in activity.get("activity_errors") or ()
        ]
    told = {
        Outcome.SUPPRESSED: counts["cannot_add_to_list_count"],
        Outcome.REFUSED: counts["error_count"] + counts["correctable_count"],
    }
    # It may or may not include those that the other counters tell of, so they are taken to explain
    # what is missing from it.
    told[Outcome.UNKNOWN] = job.size - counts["person_count"] - sum(told.values())
    named = any("@" in text for text in texts)
    index_of = (await files.batch(job)).index_of() if named else {}
    messages = [Message(_likely(text), text) for text in texts]
    return [Finished(job, outcomes_of(_TITLE, job.size, told, messages, index_of))]


def _likely(text: str) -> Outcome:
    said_no = any(phrase in text.lower() for phrase in _SAID_NO)
    return Outcome.SUPPRESSED if said_no else Outcome.REFUSED
