"""What a destination is: everything that the engine asks of a vendor, and all that a vendor's file may use.

A destination states its fields and limits and knows how to sign in, check, look up lists, encode
profiles and read answers. Batching, retries, pacing, checkpoints and rejects belong to the engine.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from shared.domain.connection import Account
from shared.domain.errors import Halt
from shared.domain.outcomes import Outcome

type Credentials = Mapping[str, str]
"""What proves who we are at a vendor. Kept in the vault as JSON, never logged."""

type Encode = Callable[[str, Sequence[str]], bytes]
"""(address, the cell of each mapped field in the export's order) -> the vendor's JSON of one profile."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a profile that an export can fill."""

    name: str
    title: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What one account of the destination may be asked at once; source in each destination's file."""

    profiles_per_batch: int
    bytes_per_batch: int
    concurrency: int  # requests under way at once


@dataclass(frozen=True, slots=True)
class ListInfo:
    """One list (audience) of an account."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Encoder:
    """How profiles of one export are written for one list, with notes for the run's timeline."""

    encode: Encode
    notes: Sequence[str] = ()


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

    def index_of(self) -> dict[str, int]:
        """Return where in the batch each address is; a batch never holds an address twice."""
        return {address: at for at, address in enumerate(self.addresses.decode().split("\t"))}


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What a destination said of one profile that it did not accept; `index` counts within the batch."""

    index: int
    outcome: Outcome
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Client:
    """Our registration as an OAuth client of a destination."""

    id: str
    secret: str = field(repr=False)


class Api(Protocol):
    """An authorised way to one account. Every method raises Halt when there is no usable answer."""

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """Return the JSON of an answer."""

    async def post(self, path: str, content: bytes, params: Mapping[str, str] | None = None) -> Any:
        """Send a JSON body and return the JSON of the answer."""


class SignIn(Protocol):
    """The unauthorised calls of an OAuth sign-in; both raise Halt when there is no usable answer."""

    async def post_form(self, url: str, form: Mapping[str, str]) -> Any:
        """Send a form and return the JSON of the answer."""

    async def get_json(self, url: str, headers: Mapping[str, str]) -> Any:
        """Return the JSON of an answer."""


class Destination(Protocol):
    """A vendor that profiles can be sent to, whose accounts are connected by OAuth sign-in."""

    @property
    def name(self) -> str:
        """Its name in the API, such as `mailchimp`."""

    @property
    def title(self) -> str:
        """Its name for people, such as `Mailchimp`."""

    @property
    def fields(self) -> Sequence[Field]:
        """The fields of a profile; the first is the address."""

    @property
    def limits(self) -> Limits:
        """The published limits that the engine keeps."""

    def authorize_url(self, redirect_uri: str, state: str) -> str:
        """Return the page where an administrator signs in and lets us in."""

    async def exchange(
        self, sign_in: SignIn, code: str, redirect_uri: str
    ) -> tuple[Credentials, Account]:
        """Turn the code that the sign-in page sent back into credentials, and name their account."""

    def base_url(self, account: Account) -> str:
        """Return the address of the account's API; never anything that a user typed unchecked."""

    def headers(self, credentials: Credentials) -> Mapping[str, str]:
        """Return the headers that authorise a request."""

    def lane(self, account: Account) -> str:
        """Return the name of the quota that requests for this account use up; safe as a blob name."""

    def explain(self, response: httpx.Response) -> Halt | None:
        """Return what an error answer means where that differs from the table in transport.verdict."""

    async def check(self, api: Api) -> None:
        """Prove that the credentials work, changing nothing."""

    async def lists(self, api: Api) -> Sequence[ListInfo]:
        """Return the lists of the account."""

    async def look_up(self, api: Api, list_id: str) -> ListInfo:
        """Return one list; raise NeedsAttention(LIST) when there is none with this id."""

    async def encoder(self, api: Api, list_id: str, fields: Sequence[str]) -> Encoder:
        """Return how profiles with these mapped fields (the address excluded) are written."""

    async def send(self, api: Api, list_id: str, batch: Batch) -> Sequence[RowOutcome]:
        """Send a batch and return the outcome of each profile that was not accepted."""
