"""What a destination is: everything that the engine asks of a vendor, and all that a vendor's file may use.

A destination states its fields and limits and knows how to sign in, check, look up lists, encode
profiles and read answers. Batching, retries, pacing, checkpoints and rejects belong to the engine.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable

import httpx

from shared.destinations.batch import Batch
from shared.destinations.model import (
    Credentials,
    Field,
    Finished,
    Limits,
    ListInfo,
    Option,
    Sent,
    Target,
)
from shared.domain.connection import Account
from shared.domain.errors import DestinationError
from shared.domain.message import Message
from shared.domain.run import Job

type Encode = Callable[[str, Sequence[str]], bytes]
"""(address, the cell of each mapped field in the export's order) -> the vendor's JSON of one profile.

Raises InvalidProfile.
"""


type Read = Callable[[bytes], Any]
"""Takes the bytes of an answer apart. Raises ValueError for what is no JSON, or DestinationError."""


class Encoder(Protocol):
    """How profiles of one export are written for one list; `ValuesEncoder` does it for most."""

    @property
    def encode(self) -> Encode:
        """How one profile is written."""

    def encode_plain(self, emails: Any, cells: Sequence[Any]) -> tuple[Any, Any, Any]:
        """Write profiles of many rows, as far as nothing about a row needs a decision.

        Takes text arrays of pyarrow: the addresses as they stand in the rows, and the cells of each mapped
        field. Returns arrays, too: addresses in their normal form, what `encode` would write, and for
        which rows both are right. The others are left to `encode`.
        """

    def notes(self) -> Sequence[Message]:
        """Return what the run's timeline is to say, once all are written."""


class JobFiles(Protocol):
    """What the engine kept of a job."""

    async def batch(self, job: Job) -> Batch:
        """Return the profiles that the job was given."""

    async def reports(self, job: Job) -> Sequence[bytes]:
        """Return what the destination posted to `Target.report_url` for the job's batch, oldest first."""


class Api(Protocol):
    """An authorised way to one account. Every method raises DestinationError without a usable answer."""

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """Return the JSON of an answer."""

    async def post(
        self,
        path: str,
        content: bytes,
        params: Mapping[str, str] | None = None,
        weight: int = 1,
        read: Read | None = None,
    ) -> Any:
        """Send a JSON body and return the JSON of the answer, or what `read` makes of it.

        `weight` is how many requests it counts for where the destination counts it for several.
        """


class SignIn(Protocol):
    """The unauthorised calls of a sign-in; they raise DestinationError when there is no usable answer."""

    async def post_form(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Any:
        """Send a form and return the JSON of the answer; None for an empty one."""

    async def get_json(self, url: str, headers: Mapping[str, str]) -> Any:
        """Return the JSON of an answer."""


@runtime_checkable
class ListsJobs(Protocol):
    """A destination that lists the jobs of an account, so that one whose answer was lost can be found."""

    async def jobs(self, api: Api, size: int | None = None) -> Collection[str]:
        """Return the jobs there are, or those of so many profiles."""


class Destination(Protocol):
    """A vendor that profiles can be sent to. Each is also an OAuthDestination or a KeyDestination."""

    @property
    def name(self) -> str:
        """Its name in the API, such as `mailchimp`."""

    @property
    def title(self) -> str:
        """Its name for people, such as `Mailchimp`."""

    @property
    def fields(self) -> Sequence[Field]:
        """The fields that every account has; the first is the address."""

    @property
    def options(self) -> Sequence[Option]:
        """What an export can choose that only this destination has."""

    @property
    def limits(self) -> Limits:
        """The published limits that the engine keeps."""

    def base_url(self, account: Account) -> str:
        """Return the address of the account's API; never anything that a user typed unchecked."""

    def headers(self, credentials: Credentials) -> Mapping[str, str]:
        """Return the headers that authorise a request."""

    def lane(self, account: Account) -> str:
        """Return the name of the quota that requests for this account use up; safe as a blob name."""

    def explain(self, response: httpx.Response) -> DestinationError | None:
        """Return what an answer means where that differs from the table in transport.verdict.

        It is asked about errors, and about successes that are not JSON.
        """

    async def check(self, api: Api) -> None:
        """Prove that the credentials work and suffice for exports, changing nothing."""

    async def lists(self, api: Api) -> Sequence[ListInfo]:
        """Return the lists of the account."""

    async def look_up(self, api: Api, list_id: str) -> ListInfo:
        """Return one list; raise NeedsAttention(LIST) when there is none with this id."""

    async def fields_of(self, api: Api, list_id: str) -> Sequence[Field]:
        """Return `fields` and those that the account or the list has beside them."""

    async def encoder(self, api: Api, target: Target) -> Encoder:
        """Return how profiles are written for a target."""

    def body(self, target: Target, batch: Batch) -> bytes:
        """Return the body of the request that `send` makes for a batch; a preview shows it, too."""

    async def send(self, api: Api, target: Target, batch: Batch) -> Sent:
        """Send a batch, which may have been sent before; raise BatchRefused as its docstring says."""

    async def poll(self, api: Api, jobs: Sequence[Job], files: JobFiles) -> Sequence[Finished]:
        """Return those of the jobs that are over. They are all there are, or `jobs_per_poll` of them."""


class OAuthDestination(Destination, Protocol):
    """A destination whose accounts are connected by signing in there."""

    @property
    def auth(self) -> Literal["oauth"]:
        """How an account is connected."""

    def authorize_url(self, redirect_uri: str, state: str, challenge: str) -> str:
        """Return the page where an administrator signs in and lets us in.

        `challenge` is PKCE's, made by S256; a destination without PKCE leaves it out.
        """

    async def exchange(
        self, sign_in: SignIn, code: str, redirect_uri: str, verifier: str
    ) -> tuple[Credentials, Account]:
        """Turn the code that the sign-in page sent back into credentials, and name their account."""

    def expires_at(self, credentials: Credentials) -> datetime | None:
        """Return when the credentials have to be refreshed; None where they last."""

    async def refresh(self, sign_in: SignIn, credentials: Credentials) -> Credentials:
        """Return new credentials for old; raise NeedsAttention when somebody must sign in again."""

    async def revoke(self, sign_in: SignIn, credentials: Credentials) -> None:
        """Take the credentials back at the destination, where it has a way to do that."""


class KeyDestination(Destination, Protocol):
    """A destination whose accounts are connected with a host name and a key."""

    @property
    def auth(self) -> Literal["api_key"]:
        """How an account is connected."""

    def endpoint(self, host: str) -> str:
        """Return the host name that a person typed in its plain form; raise Invalid(("host",), …)."""

    def credentials(self, key: str) -> Credentials:
        """Return what proves who we are; raise Invalid(("api_key",), …) for what cannot be a key."""

    async def identify(self, api: Api, endpoint: str) -> Account:
        """Name the account that the key opens; raise NeedsAttention when it opens none."""
