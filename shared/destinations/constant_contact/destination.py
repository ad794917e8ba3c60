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
- A list's ID is a UUID; no page for users tells where it is shown. That a million profiles take up to an
  hour is what Customer Insights says of its own export.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import httpx

from shared.destinations.answers import (
    EMAIL,
    FIRST_NAME,
    LAST_NAME,
    PHONE,
    no_account,
    no_list,
    parsing_answer,
)
from shared.destinations.batch import Batch
from shared.destinations.constant_contact.answers import (
    CUSTOM,
    ID,
    TITLE,
    custom_field,
    explained,
    list_info,
    pages,
    require_privileges,
)
from shared.destinations.constant_contact.jobs import finished, holds, id_of
from shared.destinations.contract import Api, Destination, Encoder, JobFiles, OAuth2, SignIn
from shared.destinations.encoding.encoder import ValuesEncoder
from shared.destinations.encoding.template import Group, Layout, member
from shared.destinations.encoding.values import Values, at_most, characters
from shared.destinations.model import (
    About,
    Client,
    Credentials,
    Field,
    FieldType,
    Finished,
    InvalidProfile,
    Limits,
    ListInfo,
    Rate,
    Sent,
    Target,
)
from shared.domain.connection import Account
from shared.domain.errors import (
    BatchRefused,
    Culprit,
    DestinationError,
    NeedsAttention,
)
from shared.domain.message import Message, say
from shared.domain.run import Job

_BODY_BYTES = 3_900_000  # whichever megabyte is meant
_ENVELOPE_BYTES = 200
_ADDRESS_LENGTH = 80  # in the help pages; the import's own description says 50
_ADDRESS_LENGTH_IN_DOUBT = 50
_CUSTOM_FIELDS = 25  # of one contact
_TOO_LONG = at_most(EMAIL, characters(_ADDRESS_LENGTH))


@dataclass(frozen=True)
class ConstantContact(Destination):
    """The Constant Contact destination; what can differ between apps and stand-ins are settings."""

    client: Client
    login_url: str
    api_url: str
    requests_per_second: int = 4
    requests_per_day: int = 10_000
    date_format: str = "%m/%d/%Y"

    name = "constant_contact"
    about = About(
        title=TITLE,
        home_url="https://www.constantcontact.com",
        list_title=say("List ID"),
        longest_run=timedelta(hours=1),
    )
    fields = (
        Field("email", EMAIL, required=True, kind=FieldType.EMAIL, longest=_ADDRESS_LENGTH),
        Field("first_name", FIRST_NAME, longest=50),
        Field("last_name", LAST_NAME, longest=50),
        Field("phone", PHONE, kind=FieldType.PHONE, longest=25),
    )

    @cached_property
    def auth(self) -> OAuth2:
        """Tokens end. The address that revokes them is one that the guide does not mention."""
        url = f"{self.login_url}/oauth2/default/v1"
        return OAuth2(
            self.client,
            authorize_url=f"{url}/authorize",
            token_url=f"{url}/token",
            revoke_url=f"{url}/revoke",
            scopes="contact_data account_read offline_access",
            pkce=True,
            refreshes=True,
        )

    @cached_property
    def limits(self) -> Limits:
        """What our app key may ask for."""
        return Limits(
            profiles_per_batch=40_000,
            bytes_per_batch=_BODY_BYTES - _ENVELOPE_BYTES,
            concurrency=1,  # an import whose answer was lost is looked for among those that have come
            rates=(Rate(self.requests_per_second, 1),),
            requests_per_day=self.requests_per_day,
            jobs_per_poll=1000,
            poll_returns_all=True,
        )

    async def account(self, sign_in: SignIn, credentials: Credentials, endpoint: str) -> Account:
        """See what the user may do, and ask which account it is."""
        url, headers = f"{self.api_url}/v3/account", self.auth.headers(credentials)
        require_privileges(await sign_in.get_json(f"{url}/user/privileges", headers))
        return self._account(await sign_in.get_json(f"{url}/summary", headers))

    def base_url(self, account: Account) -> str:
        """Return the API, which is one for all accounts."""
        return f"{self.api_url}/v3"

    def lane(self, account: Account) -> str:
        """One quota for all accounts: requests are counted by our app key."""
        return f"constant-contact-{hashlib.sha256(self.client.id.encode()).hexdigest()[:16]}"

    def explain(self, response: httpx.Response) -> DestinationError | None:
        """Tell the three kinds of 429 apart, and read what the API and the sign-in say of errors."""
        return explained(response)

    async def check(self, api: Api) -> None:
        """Ask what the user may do."""
        require_privileges(await api.get("/account/user/privileges"))

    async def lists(self, api: Api) -> Sequence[ListInfo]:
        """Return every list that is not deleted."""
        found = pages(api, "/contact_lists", "lists", limit="500", status="active")
        return [list_info(item) async for items in found for item in items]

    async def look_up(self, api: Api, list_id: str) -> ListInfo:
        """Return one list, unless it was deleted."""
        none = NeedsAttention(Culprit.LIST, no_list(TITLE, list_id))
        if not ID.fullmatch(list_id):
            raise none
        try:
            answer = await api.get(f"/contact_lists/{list_id}")
        except NeedsAttention as error:
            raise none if error.culprit is Culprit.LIST else error from None
        with parsing_answer(TITLE):
            if answer.get("deleted_at"):
                reason = say(
                    "The list {list} was deleted at {destination}.",
                    list=str(answer["name"]),
                    destination=TITLE,
                )
                raise NeedsAttention(Culprit.LIST, reason)
        return list_info(answer)

    async def fields_of(self, api: Api, list_id: str) -> Sequence[Field]:
        """Return the fields of every account, and the custom fields of this one."""
        found = pages(api, "/contact_custom_fields", "custom_fields", limit="100")
        custom = [custom_field(item) async for items in found for item in items]
        return (*self.fields, *filter(None, custom))

    async def encoder(self, api: Api, target: Target) -> Encoder:
        """Look up whether the list is there, and the custom fields if the export fills some."""
        await self.look_up(api, target.list_id)
        custom = sum(name.startswith(CUSTOM) for name in target.fields)
        if custom > _CUSTOM_FIELDS:
            raise NeedsAttention(
                Culprit.LIST,
                say(
                    "{destination} takes {most} custom fields of a contact at most; the export "
                    "fills {fields}.",
                    destination=TITLE,
                    most=_CUSTOM_FIELDS,
                    fields=custom,
                ),
            )
        fields = await self.fields_of(api, target.list_id) if custom else self.fields
        values = Values(fields, target, {FieldType.DATE: self._date})
        return _Contacts(values, target)

    def body(self, target: Target, batch: Batch) -> bytes:
        """Return contacts to import."""
        return b'{"list_ids":["%b"],"import_data":[%b]}' % (target.list_id.encode(), batch.joined)

    async def send(self, api: Api, target: Target, batch: Batch) -> Sent:
        """Begin an import; doing it twice is the same as doing it once."""
        body = self.body(target, batch)
        if len(body) >= _BODY_BYTES:
            reason = say(
                "{destination} would drop a part of so large a request.", destination=TITLE
            )
            raise BatchRefused("too_large", reason)
        answer = await api.post("/activities/contacts_json_import", body)
        with parsing_answer(TITLE):
            return Sent(job=id_of(answer))

    async def jobs(self, api: Api, size: int | None = None) -> Collection[str]:
        """Return the imports of the account, or those of so many contacts."""
        found: set[str] = set()
        async for activities in pages(api, "/activities", "activities", limit="500"):
            with parsing_answer(TITLE):
                found |= {id_of(each) for each in activities if size is None or holds(each, size)}
        return found

    async def poll(self, api: Api, jobs: Sequence[Job], files: JobFiles) -> Sequence[Finished]:
        """Find the jobs among those of the account."""
        waiting = {job.id: job for job in jobs}
        over: list[Finished] = []
        async for activities in pages(api, "/activities", "activities", limit="500"):
            for activity in activities:
                if job := waiting.pop(str(activity.get("activity_id")), None):
                    over += await finished(job, activity, files)
            if not waiting:
                break
        return over

    def _account(self, summary: Any) -> Account:
        said = summary if isinstance(summary, dict) else {}
        key = said.get("encoded_account_id")
        if not isinstance(key, str) or not ID.fullmatch(key):
            raise NeedsAttention(Culprit.CONNECTION, no_account(TITLE))
        name = str(said.get("organization_name") or TITLE)
        return Account(id=key, name=name, endpoint=urlsplit(self.api_url).netloc)

    def _date(self, text: str) -> str:
        return date.fromisoformat(text[:10]).strftime(self.date_format)


class _Contacts(ValuesEncoder):
    """Writes the profiles of one export for one list."""

    def __init__(self, values: Values, target: Target) -> None:
        group = Group({name: member(name) for name in target.fields}, opening=",")
        layout = Layout(before='{"email":', groups=[group], after="}")
        super().__init__(layout, values, _ADDRESS_LENGTH_IN_DOUBT)
        self._long = 0  # addresses

    def encode(self, address: str, cells: Sequence[str]) -> bytes:
        """Return the JSON of one contact; raise InvalidProfile."""
        if len(address) > _ADDRESS_LENGTH:
            raise InvalidProfile("bad_value", _TOO_LONG)
        self._long += len(address) > _ADDRESS_LENGTH_IN_DOUBT
        return super().encode(address, cells)

    def notes(self) -> Sequence[Message]:
        """Return what was left out and cut, and how many addresses may be too long."""
        about_long = say(
            "Addresses longer than {longest} characters: {addresses}. {destination} may refuse "
            "them.",
            longest=_ADDRESS_LENGTH_IN_DOUBT,
            addresses=self._long,
            destination=TITLE,
        )
        return [*super().notes(), *([about_long] if self._long else ())]
