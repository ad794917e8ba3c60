"""Mailchimp: adds profiles to one audience, and updates those that are there.

Facts and their sources:
- `POST /lists/{audience}` takes up to 500 members and answers 200 with one error per refused member,
  named by address (Marketing API 3.0 reference, "Batch subscribe or unsubscribe").
- `status_if_new` is used for new members only, so nobody who unsubscribed is ever subscribed again;
  it stands in the vendor's 2026 SDK, not in the older OpenAPI document.
- An account user may have 10 connections open at once (Fundamentals, "Throttling").
- OAuth tokens do not expire and there is no refresh token ("Access user data with OAuth 2").
- The metadata call answers 200 with an error object when the token is wrong.
- An audience ID is what its settings show by that name. The web id of the reference stands in the addresses
  of an audience's pages; in which form is from memory, so any word of them is looked for.
- That a million profiles take up to three hours is what Customer Insights says of its own export. The
  address of the help page is from memory: unverified.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

import httpx

from shared.destinations.answers import (
    EMAIL,
    FIRST_NAME,
    LAST_NAME,
    malformed_answer,
    parsing_answer,
)
from shared.destinations.batch import Batch
from shared.destinations.contract import Api, Destination, Encoder, OAuth2, SignIn
from shared.destinations.mailchimp.answers import (
    ANSWER_FIELDS,
    TITLE,
    account_of,
    explained,
    outcomes,
    read,
    refused_as,
)
from shared.destinations.mailchimp.profiles import (
    LONGEST,
    Members,
    mappable,
    merge_fields,
    no_audience,
    require_id,
)
from shared.destinations.model import (
    About,
    Client,
    Credentials,
    Field,
    FieldType,
    Limits,
    ListInfo,
    Sent,
    Target,
)
from shared.domain.connection import Account
from shared.domain.errors import BatchRefused, Culprit, DestinationError, NeedsAttention
from shared.domain.message import say
from shared.domain.outcomes import RowOutcome

_PAGE = 1000


@dataclass(frozen=True)
class Mailchimp(Destination):
    """The Mailchimp destination; the addresses are settings so that a stand-in can take their place."""

    client: Client
    login_url: str
    api_url: str  # may hold {dc}, the account's data centre
    partial_answers: bool = True
    connections: int = 10  # all that it allows; the setting is lower

    name = "mailchimp"
    about = About(
        title=TITLE,
        home_url="https://mailchimp.com",
        list_title=say("Audience ID"),
        list_id_help=say(
            "An audience ID looks like 1b724bb934, and the settings of the audience show it. The address of "
            "its page at Mailchimp can be pasted, too."
        ),
        list_help_url="https://mailchimp.com/help/find-audience-id/",  # unverified
        longest_run=timedelta(hours=3),
    )
    fields = (
        Field("email", EMAIL, required=True, kind=FieldType.EMAIL),
        Field("first_name", FIRST_NAME, longest=LONGEST),
        Field("last_name", LAST_NAME, longest=LONGEST),
    )

    @cached_property
    def auth(self) -> OAuth2:
        """Tokens last, there are no scopes, and no PKCE is documented, nor a call that revokes tokens."""
        url = f"{self.login_url}/oauth2"
        return OAuth2(self.client, f"{url}/authorize", f"{url}/token", secret_in_form=True)

    @property
    def limits(self) -> Limits:
        """No limit on bytes is published; 500 members of four fields are about 83 kB."""
        return Limits(
            profiles_per_batch=500, bytes_per_batch=2_000_000, concurrency=self.connections
        )

    async def account(self, sign_in: SignIn, credentials: Credentials, endpoint: str) -> Account:
        """Ask which account and data centre a token is for."""
        headers = {"Authorization": f"OAuth {credentials['access_token']}"}
        return account_of(await sign_in.get_json(f"{self.login_url}/oauth2/metadata", headers))

    def base_url(self, account: Account) -> str:
        """Return the API of the account's data centre."""
        return f"{self.api_url.format(dc=account.endpoint)}/3.0"

    def lane(self, account: Account) -> str:
        """One quota per account user: that is what the 10 connections are counted by."""
        return f"mailchimp-{account.id}"

    def explain(self, response: httpx.Response) -> DestinationError | None:
        """Tell throttling, a blocked account and refused profiles by what Mailchimp says of them."""
        return explained(response)

    async def check(self, api: Api) -> None:
        """Ping."""
        await api.get("/ping")

    async def lists(self, api: Api) -> Sequence[ListInfo]:
        """Return every audience, 1,000 at a time."""
        found: list[ListInfo] = []
        params = {"count": str(_PAGE), "fields": "lists.id,lists.web_id,lists.name,total_items"}
        while True:
            page = await api.get("/lists", params | {"offset": str(len(found))})
            with parsing_answer(self.title):
                more = [_list_info(item) for item in page["lists"]]
                found += more
                if not more or (len(more) < _PAGE and len(found) >= page.get("total_items", 0)):
                    return found

    async def look_up(self, api: Api, list_id: str) -> ListInfo:
        """Return one audience."""
        audience = await self._audience(api, list_id)
        with parsing_answer(self.title):
            return ListInfo(str(audience["id"]), str(audience["name"]))

    async def fields_of(self, api: Api, list_id: str) -> Sequence[Field]:
        """Return the fields that every audience has, and this one's merge fields."""
        own = {field.name: field for field in mappable(await merge_fields(api, list_id))}
        everywhere = [own.pop(field.name, field) for field in self.fields]
        return [*everywhere, *own.values()]

    async def encoder(self, api: Api, target: Target) -> Encoder:
        """Look up what the audience asks of new members, and which merge fields it has now."""
        audience = await self._audience(api, target.list_id)
        # With double opt-in a person confirms first; `subscribed` would go round that.
        status = "pending" if audience.get("double_optin") else "subscribed"
        return Members(await merge_fields(api, target.list_id), target, status)

    def body(self, target: Target, batch: Batch) -> bytes:
        """Return members to add or update."""
        return b'{"members":[%b],"update_existing":true}' % batch.joined

    async def send(self, api: Api, target: Target, batch: Batch) -> Sent:
        """Add or update up to 500 members; doing it twice is the same as doing it once."""
        # A merge field that the audience requires and the segment lacks must not refuse a profile.
        params = {"skip_merge_validation": "true"}
        if self.partial_answers:
            params["fields"] = ANSWER_FIELDS
        path, body = f"/lists/{target.list_id}", self.body(target, batch)
        try:
            answer = await api.post(path, body, params, read=read)
        except BatchRefused as error:
            if batch.size > 1:
                raise
            said = refused_as(error.code, str(error.reason), batch.addresses.decode())
            guilty = RowOutcome(0, said, error.code, error.reason)
            raise BatchRefused(error.code, error.reason, [guilty]) from None
        return Sent(outcomes(batch, answer))

    async def _audience(self, api: Api, list_id: str) -> dict[str, Any]:
        require_id(list_id)
        try:
            answer = await api.get(f"/lists/{list_id}", {"fields": "id,name,double_optin"})
        except NeedsAttention as error:
            raise no_audience(list_id) if error.culprit is Culprit.LIST else error from None
        if not isinstance(answer, dict) or "id" not in answer:
            raise malformed_answer(TITLE)
        return answer


def _list_info(item: Any) -> ListInfo:
    web_id = item.get("web_id")
    return ListInfo(str(item["id"]), str(item["name"]), [str(web_id)] if web_id else [])
