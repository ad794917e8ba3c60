"""What a destination is: everything that the engine asks of a vendor, and all that a vendor's file may use.

A destination states its fields and limits and knows how to sign in, check, look up lists, encode
profiles and read answers. Batching, retries, pacing, checkpoints and rejects belong to the engine.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import chain
from typing import Any, Literal, Protocol, runtime_checkable

import httpx

from shared.domain.connection import Account
from shared.domain.errors import DestinationError
from shared.domain.message import Message
from shared.domain.outcomes import RowOutcome
from shared.domain.run import Job

type Credentials = Mapping[str, str]
"""What proves who we are at a vendor. Kept in the vault as JSON, never logged."""

type Encode = Callable[[str, Sequence[str]], bytes]
"""(address, the cell of each mapped field in the export's order) -> the vendor's JSON of one profile.

Raises InvalidProfile.
"""


type Read = Callable[[bytes], Any]
"""Takes the bytes of an answer apart. Raises ValueError for what is no JSON, or DestinationError."""


class InvalidProfile(Exception):
    """A profile that breaks a rule of the destination: it becomes an `invalid` reject."""

    def __init__(self, code: str, reason: Message) -> None:
        super().__init__(str(reason))
        self.code = code
        self.reason = reason


class FieldType(StrEnum):
    """What the values of a field are."""

    EMAIL = "email"
    TEXT = "text"
    PHONE = "phone"
    NUMBER = "number"
    DATE = "date"  # with or without a time
    BIRTHDAY = "birthday"  # a day and a month
    URL = "url"
    CHOICE = "choice"  # one of `choices`
    CHOICES = "choices"  # any of `choices`


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a profile that an export can fill."""

    name: str
    title: Message | str  # ours, or what the account calls a field of its own
    required: bool = False
    kind: FieldType = FieldType.TEXT
    longest: int | None = None  # characters, or what the destination's file says it counts
    choices: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """Something about an export that only this destination has, on or off; off unless chosen."""

    name: str
    title: Message


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in so many seconds; `of` is how the requests that count begin."""

    requests: int
    seconds: float
    of: str = ""  # "METHOD /path"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one lane of the destination may be asked; source in each destination's file."""

    profiles_per_batch: int
    bytes_per_batch: int
    concurrency: int  # requests under way at once
    least_per_batch: int = 1  # a smaller batch is joined with its neighbour where that can be done
    rates: Sequence[Rate] = ()
    requests_per_day: int | None = None  # from 00:00 UTC to 00:00 UTC
    profiles_per_export: int = 1_000_000
    first_poll_after: float = 5.0  # seconds from sending a job to asking about it
    jobs_per_poll: int = 20
    seconds_a_request: float = 2.0  # an assumption, for estimates only: no vendor publishes it
    poll_returns_all: bool = False  # one request tells of every job, so all are polled together


@dataclass(frozen=True, slots=True)
class ListInfo:
    """One list (audience) of an account."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Target:
    """Where the profiles of an export go, and what of them."""

    list_id: str
    fields: Sequence[str] = ()  # mapped ones in the order of the cells, the address excluded
    clears: Collection[str] = ()  # of these, the fields whose empty cell clears what is there
    options: Collection[str] = ()  # the destination's own, those that are on
    report_url: str = (
        ""  # a destination that reports on a job by itself may post to f"{this}/{batch}"
    )


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


@dataclass(frozen=True, slots=True)
class Batch:
    """The profiles of one request, as they were prepared: sending decodes and encodes none of them.

    `joined` is the destination's own JSON of each profile with a comma and a line feed between two,
    so it can stand in a JSON array as it is. No JSON holds a raw line feed, so it can be split again.
    """

    origins: bytes  # "<segment number>:<row>", separated by tabs
    addresses: bytes  # in their normal form, separated by tabs
    joined: bytes
    size: int  # profiles
    number: int = 0  # among the batches of the run
    rows: Sequence[tuple[int, int]] = ()  # the ranges of the batch that this piece holds; () is all

    def index_of(self) -> dict[str, int]:
        """Return where in the batch each address is; a batch never holds an address twice."""
        return {address: at for at, address in enumerate(self.addresses.decode().split("\t"))}

    @property
    def indexes(self) -> Sequence[int]:
        """Where each profile of this piece stands in the batch as it was prepared."""
        if not self.rows:
            return range(self.size)
        return tuple(chain.from_iterable(range(*each) for each in self.rows))

    def only(self, kept: Sequence[int]) -> "Batch":
        """Return the piece that holds these profiles, by ascending index within this one."""
        origins, addresses = self.origins.split(b"\t"), self.addresses.split(b"\t")
        fragments, indexes = self.joined.split(b",\n"), self.indexes
        return Batch(
            b"\t".join(origins[at] for at in kept),
            b"\t".join(addresses[at] for at in kept),
            b",\n".join(fragments[at] for at in kept),
            size=len(kept),
            number=self.number,
            rows=_ranges([indexes[at] for at in kept]),
        )


def _ranges(indexes: Sequence[int]) -> Sequence[tuple[int, int]]:
    """Return ascending numbers as ranges, the end excluded."""
    ranges: list[tuple[int, int]] = []
    for index in indexes:
        if ranges and ranges[-1][1] == index:
            ranges[-1] = (ranges[-1][0], index + 1)
        else:
            ranges.append((index, index + 1))
    return ranges


@dataclass(frozen=True, slots=True)
class Sent:
    """What a destination said to a batch: outcomes now, or a job that will tell them.

    `outcomes` are those of the profiles that are not accepted (and, with a job, not in it).
    """

    outcomes: Sequence[RowOutcome] = ()
    job: str | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of a job. A job that `failed` did nothing: the engine sends its profiles again."""

    job: Job
    outcomes: Sequence[
        RowOutcome
    ] = ()  # of the profiles that are not accepted; within the job's piece
    failed: Message | None = None  # why


class JobFiles(Protocol):
    """What the engine kept of a job."""

    async def batch(self, job: Job) -> Batch:
        """Return the profiles that the job was given."""

    async def reports(self, job: Job) -> Sequence[bytes]:
        """Return what the destination posted to `Target.report_url` for the job's batch, oldest first."""


@dataclass(frozen=True, slots=True)
class Client:
    """Our registration as an OAuth client of a destination."""

    id: str
    secret: str = field(repr=False)


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
