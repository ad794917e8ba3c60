"""Postbox: adds people to one list, and updates those that are there.

Its (made-up) published facts: 100 people in a request of up to 200 kB, 10 requests a second, a job for
each request that is over within a few seconds, names of up to 40 characters, a key for each account.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from shared.destinations.answers import parsing_answer
from shared.destinations.batch import Batch
from shared.destinations.contract import Api, ApiKey, Destination, Encoder, JobFiles, SignIn
from shared.destinations.encoding.encoder import ValuesEncoder
from shared.destinations.encoding.template import Group, Template, member
from shared.destinations.encoding.values import Values
from shared.destinations.model import (
    About,
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
from shared.domain.email import normal_form
from shared.domain.errors import Culprit, DestinationError, NeedsAttention
from shared.domain.job import Job
from shared.domain.message import say
from shared.domain.outcomes import Outcome, RowOutcome

_NAMES = {"first_name": "given", "last_name": "family"}


@dataclass(frozen=True)
class Postbox(Destination):
    """The Postbox destination."""

    url: str

    name = "postbox"
    about = About(
        title="Postbox",
        home_url="https://postbox.test",
        list_title=say("Name of the list"),
        list_id_help=say("It is the name of the list, such as a1."),
        key_help_url="https://postbox.test/help/keys",
        longest_run=timedelta(hours=1),
    )
    auth = ApiKey(
        header="Authorization",
        before_key="Key ",
        wrong_host=say("This is no Postbox account."),
        wrong_key=say("This is no Postbox key."),
    )
    fields = (
        Field("email", "Email", required=True, kind=FieldType.EMAIL),
        Field("first_name", "First name", longest=40),
        Field("last_name", "Last name", longest=40),
    )
    limits = Limits(
        profiles_per_batch=100,
        bytes_per_batch=200_000,
        concurrency=4,
        rates=(Rate(10, 1),),
        first_poll_after=4,
    )

    async def account(self, sign_in: SignIn, credentials: Credentials, endpoint: str) -> Account:
        """Ask who the key belongs to."""
        answer = await sign_in.get_json(f"{self.url}/v1/me", self.auth.headers(credentials))
        with parsing_answer(self.title):
            return Account(id=str(answer["id"]), name=str(answer["name"]), endpoint=endpoint)

    def base_url(self, account: Account) -> str:
        """Return the only API there is."""
        return f"{self.url}/v1"

    def lane(self, account: Account) -> str:
        """One quota for each account."""
        return f"postbox-{account.id}"

    def explain(self, response: httpx.Response) -> DestinationError | None:
        """Add nothing to the table of transport.verdict."""
        return None

    async def check(self, api: Api) -> None:
        """Ask who we are."""
        await api.get("/me")

    async def lists(self, api: Api) -> Sequence[ListInfo]:
        """Return every list; they come in one answer."""
        answer = await api.get("/lists")
        with parsing_answer(self.title):
            return [_list(each) for each in answer["lists"]]

    async def look_up(self, api: Api, list_id: str) -> ListInfo:
        """Return one list."""
        try:
            answer = await api.get(f"/lists/{list_id}")
        except NeedsAttention as error:
            if error.culprit is Culprit.LIST:
                raise NeedsAttention(
                    Culprit.LIST, say("Postbox has no list {id}.", id=list_id)
                ) from None
            raise
        with parsing_answer(self.title):
            return _list(answer)

    async def fields_of(self, api: Api, list_id: str) -> Sequence[Field]:
        """Return the fields; nobody can add one."""
        return self.fields

    async def encoder(self, api: Api, target: Target) -> Encoder:
        """Check that the list is there, and say how its people are written."""
        await self.look_up(api, target.list_id)
        group = Group({name: member(_NAMES[name]) for name in target.fields}, opening=",")
        template = Template(before='{"mail":', groups=[group], after="}")
        return ValuesEncoder(template, Values(self.fields, target))

    def body(self, target: Target, batch: Batch) -> bytes:
        """Return people to add."""
        return b'{"people":[' + batch.joined + b"]}"

    async def send(self, api: Api, target: Target, batch: Batch) -> Sent:
        """Post up to 100 people. Doing it twice is the same as doing it once."""
        path = f"/lists/{target.list_id}/people"
        answer = await api.post(path, self.body(target, batch))
        with parsing_answer(self.title):
            return Sent(job=str(answer["job"]))

    async def poll(self, api: Api, jobs: Sequence[Job], files: JobFiles) -> Sequence[FinishedJob]:
        """Ask about each job."""
        found = [(job, await api.get(f"/jobs/{job.id}")) for job in jobs]
        with parsing_answer(self.title):
            return [
                FinishedJob(job, await _outcomes(answer, job, files))
                for job, answer in found
                if answer["state"] == "over"
            ]


def _list(item: Mapping[str, Any]) -> ListInfo:
    return ListInfo(str(item["id"]), str(item["name"]))


async def _outcomes(answer: Any, job: Job, files: JobFiles) -> Sequence[RowOutcome]:
    if not answer["not_added"]:
        return ()
    index_of = (await files.batch(job)).index_of()
    return [
        RowOutcome(index_of[normal_form(each["mail"])], Outcome.SUPPRESSED, "left", each["why"])
        for each in answer["not_added"]
    ]
