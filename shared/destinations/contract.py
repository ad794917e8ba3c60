"""What a destination is: everything that the engine asks of a vendor, and all that a vendor's files may use.

A destination states its fields, its limits and how one signs in, and knows how to check, look up lists,
encode profiles and read answers. Batching, retries, pacing, checkpoints and rejects belong to the engine.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import httpx

from shared.destinations.batch import Batch
from shared.destinations.encoding.habits import Habits
from shared.destinations.encoding.notes import Where
from shared.destinations.model import (
    About,
    Client,
    Credentials,
    Field,
    FinishedJob,
    Limits,
    ListInfo,
    Option,
    Sent,
    Target,
)
from shared.domain.connection import Account
from shared.domain.errors import DestinationError, Invalid
from shared.domain.job import Job, ListedJob
from shared.domain.message import Message

type Read = Callable[[bytes], Any]
"""Takes the bytes of an answer apart. Raises ValueError for what is no JSON, or DestinationError."""


class Encoder(Protocol):
    """How profiles of one export are written for one list; `ValuesEncoder` does it for most."""

    def begin(self, habits: Habits) -> None:
        """Say how the cells of the version are written whose rows come next.

        What the rows show of that is added to `habits`.
        """

    def restart(self) -> None:
        """Forget what was noted, because everything is read anew."""

    def encode(self, address: str, cells: Sequence[str], row: Message | None = None) -> bytes:
        """Return the destination's JSON of one profile; raise InvalidProfile.

        Takes the cell of each mapped field in the export's order, and where the row stands, for notes.
        """

    def encode_plain(
        self, emails: Any, cells: Sequence[Any], where: Where | None = None
    ) -> tuple[Any, Any, Any]:
        """Write profiles of many rows, as far as nothing about a row needs a decision.

        Takes text arrays of pyarrow: the addresses as they stand in the rows, and the cells of each mapped
        field; and what says where each of the rows stands, for notes. Returns arrays, too: addresses in
        their normal form, what `encode` would write, and for which rows both are right. The others are left
        to `encode`, and nothing is noted of them.
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


@dataclass(frozen=True, slots=True)
class OAuth2:
    """Accounts are connected by signing in at the vendor: OAuth 2 with a code (RFC 6749)."""

    client: Client
    authorize_url: str  # of the page where somebody signs in
    token_url: str
    revoke_url: str | None = None  # where tokens can be given back (RFC 7009)
    scopes: str = ""  # separated by spaces
    pkce: bool = False  # whether the vendor knows PKCE (RFC 7636)
    secret_in_form: bool = False  # rather than in a header
    refreshes: bool = False  # whether tokens end, and come with one that is traded for others

    def headers(self, credentials: Credentials) -> Mapping[str, str]:
        """Return the headers that authorise a request."""
        return {"Authorization": f"Bearer {credentials['access_token']}"}


# A label of a host's name; a whole name, whose last label is no number.
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(_LABEL)
_HOST = re.compile(rf"(?=.{{4,253}}\Z)(?:{_LABEL}\.){{1,126}}[a-z]{{2,63}}")
_KEY = re.compile(r"[\x21-\x7e]{8,512}")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Accounts are connected with a key, and with the name of the host that is the account's own."""

    header: str  # that carries the key
    wrong_host: (
        Message  # what to say of a host name that cannot be one, and where to find the right one
    )
    wrong_key: Message  # the same of a key
    host_suffixes: Sequence[
        str
    ] = ()  # that hosts end in; without any, an account is a name with no dot
    before_key: str = ""  # in the header

    def endpoint(self, host: str) -> str:
        """Return the host name that a person typed in its plain form; raise Invalid(("host",), …)."""
        plain = re.sub(r"\Ahttps?://", "", host.strip().lower()).removesuffix("/").removesuffix(".")
        allowed = any(plain.endswith(f".{suffix}") for suffix in self.host_suffixes)
        whole = _HOST.fullmatch(plain) and allowed if self.host_suffixes else _NAME.fullmatch(plain)
        if not whole:
            raise Invalid(("host",), self.wrong_host)
        return plain

    def credentials(self, key: str) -> Credentials:
        """Return what proves who we are; raise Invalid(("api_key",), …) for what cannot be a key."""
        if not _KEY.fullmatch(key.strip()):
            raise Invalid(("api_key",), self.wrong_key)
        return {"api_key": key.strip()}

    def headers(self, credentials: Credentials) -> Mapping[str, str]:
        """Return the headers that authorise a request."""
        return {self.header: f"{self.before_key}{credentials['api_key']}"}


class Destination(ABC):
    """A vendor that profiles can be sent to; PollsJobs and ListsJobs say what some can do beside this."""

    options: Sequence[Option] = ()
    """What an export can choose that only this destination has."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name in the API, such as `mailchimp`."""

    @property
    @abstractmethod
    def about(self) -> About:
        """What only people read of it."""

    @property
    @abstractmethod
    def auth(self) -> OAuth2 | ApiKey:
        """How an account is connected."""

    @property
    @abstractmethod
    def fields(self) -> Sequence[Field]:
        """The fields that every account has; the first is the address."""

    @property
    @abstractmethod
    def limits(self) -> Limits:
        """The published limits that the engine keeps."""

    @property
    def title(self) -> str:
        """Its name for people, such as `Mailchimp`."""
        return self.about.title

    @abstractmethod
    async def account(self, sign_in: SignIn, credentials: Credentials, endpoint: str) -> Account:
        """Name the account that new credentials open; raise NeedsAttention when they open none.

        `endpoint` is the host that was given with a key, and empty after a sign-in.
        """

    @abstractmethod
    def base_url(self, account: Account) -> str:
        """Return the address of the account's API; never anything that a user typed unchecked."""

    @abstractmethod
    def lane(self, account: Account) -> str:
        """Return the name of the quota that requests for this account use up; safe as a blob name."""

    @abstractmethod
    def explain(self, response: httpx.Response) -> DestinationError | None:
        """Return what an answer means where that differs from the table in transport.verdict.

        It is asked about errors, and about successes that are not JSON.
        """

    @abstractmethod
    async def check(self, api: Api) -> None:
        """Prove that the credentials work and suffice for exports, changing nothing."""

    @abstractmethod
    async def lists(self, api: Api) -> Sequence[ListInfo]:
        """Return the lists of the account."""

    @abstractmethod
    async def look_up(self, api: Api, list_id: str) -> ListInfo:
        """Return one list; raise NeedsAttention(LIST) when there is none with this id."""

    @abstractmethod
    async def fields_of(self, api: Api, list_id: str) -> Sequence[Field]:
        """Return `fields` and those that the account or the list has beside them."""

    @abstractmethod
    async def encoder(self, api: Api, target: Target) -> Encoder:
        """Return how profiles are written for a target."""

    @abstractmethod
    def body(self, target: Target, batch: Batch) -> bytes:
        """Return the body of the request that `send` makes for a batch; a preview shows it, too."""

    @abstractmethod
    async def send(self, api: Api, target: Target, batch: Batch) -> Sent:
        """Send a batch, which may have been sent before; raise BatchRefused as its docstring says."""


@runtime_checkable
class PollsJobs(Protocol):
    """A destination that answers with jobs, which it does in its own time."""

    async def poll(self, api: Api, jobs: Sequence[Job], files: JobFiles) -> Sequence[FinishedJob]:
        """Return those of the jobs that are over. They are all there are, or `jobs_per_poll` of them."""


@runtime_checkable
class ListsJobs(Protocol):
    """A destination that lists the jobs of an account, so that one whose answer was lost can be found."""

    async def jobs(self, api: Api, size: int | None = None) -> Collection[ListedJob]:
        """Return the jobs there are, or those of so many profiles.

        One that does not tell when it began is left out: nobody could tell whether it is new.
        """
