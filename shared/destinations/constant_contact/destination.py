"""Constant Contact: imports profiles into one list, and updates those that are there.

Facts and their sources (V3 API, description 3.0.178 and the developer guide):
- `POST /activities/contacts_json_import` begins a job for up to 40,000 contacts in less than 4 MB. The
  rest of a longer request is dropped without a word, so ours stay below 3.9 million bytes.
- An import changes only the properties that it is sent, and never a contact's permission. Who
  unsubscribed from the account is counted in `cannot_add_to_list_count` and not added.
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
from datetime import timedelta
from functools import cached_property
from urllib.parse import urlsplit

import httpx

from shared.destinations.answers import EMAIL, FIRST_NAME, LAST_NAME, PHONE, no_list, parsing_answer
from shared.destinations.batch import Batch
from shared.destinations.constant_contact.answers import (
    ID,
    TITLE,
    account_of,
    existing,
    explained,
    list_info,
    pages,
    require_privileges,
)
from shared.destinations.constant_contact.jobs import id_of, listed, over
from shared.destinations.constant_contact.profiles import (
    ADDRESS_LENGTH,
    Contacts,
    custom_field,
    custom_ones,
)
from shared.destinations.contract import Api, Destination, Encoder, JobFiles, OAuth2, SignIn
from shared.destinations.model import (
    About,
    Client,
    Credentials,
    Field,
    FieldType,
    FinishedJob,
    Limits,
    ListInfo,
    Rate,
    Sent,
    Target,
)
from shared.domain.connection import Account
from shared.domain.errors import BatchRefused, Culprit, DestinationError, NeedsAttention
from shared.domain.job import Job, ListedJob
from shared.domain.message import say

_BODY_BYTES = 3_900_000  # whichever megabyte is meant
_ENVELOPE_BYTES = 200


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
        list_id_help=say(
            "A list ID looks like 06526938-56dd-11e9-932a-fa163ea075fa. Choose the list by its name, or "
            "paste the address of its page at Constant Contact."
        ),
        longest_run=timedelta(hours=1),
    )
    fields = (
        Field("email", EMAIL, required=True, kind=FieldType.EMAIL, longest=ADDRESS_LENGTH),
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
        host = urlsplit(self.api_url).netloc
        return account_of(await sign_in.get_json(f"{url}/summary", headers), host)

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
        return existing(answer)

    async def fields_of(self, api: Api, list_id: str) -> Sequence[Field]:
        """Return the fields of every account, and the custom fields of this one."""
        found = pages(api, "/contact_custom_fields", "custom_fields", limit="100")
        custom = [custom_field(item) async for items in found for item in items]
        return (*self.fields, *filter(None, custom))

    async def encoder(self, api: Api, target: Target) -> Encoder:
        """Look up whether the list is there, and the custom fields if the export fills some."""
        await self.look_up(api, target.list_id)
        custom = custom_ones(target)
        fields = await self.fields_of(api, target.list_id) if custom else self.fields
        return Contacts(fields, target, self.date_format)

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

    async def jobs(self, api: Api, size: int | None = None) -> Collection[ListedJob]:
        """Return the imports of the account, or those of so many contacts."""
        return await listed(api, size)

    async def poll(self, api: Api, jobs: Sequence[Job], files: JobFiles) -> Sequence[FinishedJob]:
        """Find the jobs among those of the account."""
        return await over(api, jobs, files)
