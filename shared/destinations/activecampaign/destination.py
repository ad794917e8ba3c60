"""ActiveCampaign: imports profiles into one list, and updates those that are there.

Facts and their sources (API v3, its description of August 2026 and the reference pages):
- `POST /import/bulk_import` queues up to 250 contacts in at most 399,999 bytes; fewer than 10 are
  discouraged, and a request of one contact counts for five: 100 imports a minute, 20 of one contact.
- An import never subscribes somebody to a list that they left; such an address is in `failure`.
- 5 requests a second are counted by account. A wrong key is answered with a 403 or with a web page.
- An empty text overwrites what is stored, and optional fields that are not sent stay.
- The help page "Getting started with the API" is where others point for host and key. That a million
  profiles take up to 90 minutes is what Customer Insights says of its own export.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

import httpx

from shared.destinations.activecampaign.answers import (
    TITLE,
    ImportRefused,
    explained,
    queued,
    require_user,
)
from shared.destinations.activecampaign.jobs import Numbering, finished
from shared.destinations.activecampaign.profiles import (
    LIST_ID_HELP,
    LIST_IN_ADDRESS,
    LONGEST,
    NO_AUTOMATIONS,
    OWN,
    all_of,
    contacts,
    list_info,
    look_up,
    own_fields,
    request_body,
)
from shared.destinations.answers import EMAIL, FIRST_NAME, LAST_NAME, PHONE
from shared.destinations.batch import Batch
from shared.destinations.contract import Api, ApiKey, Destination, Encoder, JobFiles, SignIn
from shared.destinations.model import (
    About,
    Credentials,
    Field,
    FieldType,
    FinishedJob,
    Limits,
    ListInfo,
    Option,
    Rate,
    Sent,
    Target,
)
from shared.domain.clock import Clock, SystemClock
from shared.domain.connection import Account
from shared.domain.errors import BatchRefused, DestinationError
from shared.domain.job import Job
from shared.domain.message import say

_BODY_BYTES = 399_999
_ENVELOPE_BYTES = 2_000  # the callback and the brackets
_ALONE = 5  # imports that one of a single contact counts for
_REPORT_WITHIN = timedelta(seconds=60)  # of an import's request


@dataclass(frozen=True)
class ActiveCampaign(Destination):
    """The ActiveCampaign destination; the address is a setting so that a stand-in can take its place."""

    url: str  # holds {host}, the account's own
    host_suffixes: Sequence[str]
    expects_reports: bool = False  # whether ActiveCampaign can reach us
    clock: Clock = field(default_factory=SystemClock)
    _numbering: Numbering = field(default_factory=Numbering, repr=False)

    name = "activecampaign"
    about = About(
        title=TITLE,
        home_url="https://www.activecampaign.com",
        list_title=say("List ID"),
        list_id_help=LIST_ID_HELP,
        list_in_address=LIST_IN_ADDRESS,
        key_help_url="https://help.activecampaign.com/hc/en-us/articles/207317590",
        longest_run=timedelta(minutes=90),
    )
    fields = (
        Field("email", EMAIL, required=True, kind=FieldType.EMAIL),
        Field("first_name", FIRST_NAME, longest=LONGEST),
        Field("last_name", LAST_NAME, longest=LONGEST),
        Field("phone", PHONE, kind=FieldType.PHONE, longest=LONGEST),
    )
    options = (Option(NO_AUTOMATIONS, say("Do not start automations for these contacts")),)
    limits = Limits(
        profiles_per_batch=250,
        bytes_per_batch=_BODY_BYTES - _ENVELOPE_BYTES,
        concurrency=5,
        least_per_batch=10,
        rates=(Rate(100, 60, of="POST /import/bulk_import"), Rate(5, 1)),
        first_poll_after=10,
        jobs_per_poll=2,  # more at once would keep the next import waiting for its turn
    )

    @cached_property
    def auth(self) -> ApiKey:
        """Only hosts under one of the allowed suffixes are ever asked."""
        wrong_host = say(
            "Give the host name from the Developer settings of {destination}, without https://. "
            "It ends in one of: {endings}.",
            destination=TITLE,
            endings=tuple(f".{suffix}" for suffix in self.host_suffixes),
        )
        wrong_key = say("This is no API key. Copy it from the Developer settings.")
        return ApiKey("Api-Token", wrong_host, wrong_key, self.host_suffixes)

    async def account(self, sign_in: SignIn, credentials: Credentials, endpoint: str) -> Account:
        """Ask whose key it is."""
        url, headers = self._url(endpoint), self.auth.headers(credentials)
        require_user(await sign_in.get_json(f"{url}/users/me", headers))
        return Account(id=endpoint, name=endpoint.partition(".")[0], endpoint=endpoint)

    def base_url(self, account: Account) -> str:
        """Return the account's API. Its host was checked when it was typed, and is checked again."""
        return self._url(account.endpoint)

    def lane(self, account: Account) -> str:
        """One quota for each account."""
        return f"activecampaign-{account.id}"

    def explain(self, response: httpx.Response) -> DestinationError | None:
        """Tell the rate's 400 from a refusal, and a web page from data."""
        return explained(response)

    async def check(self, api: Api) -> None:
        """Ask who we are."""
        require_user(await api.get("/users/me"))

    async def lists(self, api: Api) -> Sequence[ListInfo]:
        """Return every list."""
        return [list_info(item) for page in await all_of(api, "/lists") for item in page["lists"]]

    async def look_up(self, api: Api, list_id: str) -> ListInfo:
        """Return one list."""
        return await look_up(api, list_id)

    async def fields_of(self, api: Api, list_id: str) -> Sequence[Field]:
        """Return the fields of every account, and the custom fields of this one."""
        return (*self.fields, *own_fields(await all_of(api, "/fields")))

    async def encoder(self, api: Api, target: Target) -> Encoder:
        """Look up whether the list is there, and the custom fields if the export fills some."""
        await self.look_up(api, target.list_id)
        fills_own = any(name.startswith(OWN) for name in target.fields)
        fields = await self.fields_of(api, target.list_id) if fills_own else self.fields
        return contacts(fields, target)

    def body(self, target: Target, batch: Batch) -> bytes:
        """Return contacts to import, and where to report on them."""
        return request_body(target, batch)

    async def send(self, api: Api, target: Target, batch: Batch) -> Sent:
        """Queue an import; doing it twice is the same as doing it once, but for automations."""
        body = self.body(target, batch)
        if len(body) > _BODY_BYTES:
            reason = say(
                "{destination} takes {most} bytes at once at most.",
                destination=TITLE,
                most=_BODY_BYTES,
            )
            raise BatchRefused("too_large", reason)
        weight = _ALONE if batch.size == 1 else 1
        try:
            return Sent(job=queued(await api.post("/import/bulk_import", body, weight=weight)))
        except ImportRefused as refusal:
            raise self._numbering.judged(refusal, batch.size) from None

    async def poll(self, api: Api, jobs: Sequence[Job], files: JobFiles) -> Sequence[FinishedJob]:
        """Ask about each import."""
        answers = await asyncio.gather(
            *(api.get("/import/info", {"batchId": job.id}) for job in jobs), return_exceptions=True
        )
        over: list[FinishedJob] = []
        for job, answer in zip(jobs, answers, strict=True):
            if isinstance(answer, BaseException):
                raise answer
            young = self.clock.now() - job.sent_at < _REPORT_WITHIN
            over += await finished(job, answer, files, self.expects_reports and young)
        return over

    def _url(self, host: str) -> str:
        return f"{self.url.format(host=self.auth.endpoint(host))}/api/3"
