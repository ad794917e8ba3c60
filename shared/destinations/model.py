"""What a destination and the engine tell each other: fields, limits, lists, and what became of batches."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from shared.domain.job import Job
from shared.domain.message import Message
from shared.domain.outcomes import RowOutcome

type Credentials = Mapping[str, str]
"""What proves who we are at a vendor. Kept in the vault as JSON, never logged."""


@dataclass(frozen=True, slots=True)
class Client:
    """Our registration as an OAuth client of a destination."""

    id: str
    secret: str = field(repr=False)


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
class About:
    """What only people read of a destination; source of each fact in the destination's file."""

    title: str
    home_url: str
    list_title: Message  # what the id of a list is called
    list_id_help: Message  # what such an id looks like, and where it is found
    list_help_url: str | None = None  # a page that tells where a list's id is found
    # What in the address of a page may be the id of a list: its group, or all of it without one.
    list_in_address: re.Pattern[str] = re.compile(r"[0-9A-Za-z-]++")
    key_help_url: str | None = None  # the same of the host name and the key
    longest_run: timedelta | None = None  # that a million profiles may take, if anybody says it


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
    profiles_per_export: int | None = None  # its own maximum; None if it has none
    first_poll_after: float = 5.0  # seconds from sending a job to asking about it
    jobs_per_poll: int = 20
    seconds_a_request: float = 2.0  # an assumption, for estimates only: no vendor publishes it
    poll_returns_all: bool = False  # one request tells of every job, so all are polled together


@dataclass(frozen=True, slots=True)
class ListInfo:
    """One list (audience) of an account; `also` is what else the vendor calls its id in places."""

    id: str
    name: str
    also: Sequence[str] = ()

    def is_meant_by(self, ids: Collection[str]) -> bool:
        """Say whether any of these is its id, whatever the case of letters."""
        mine = {each.casefold() for each in (self.id, *self.also)}
        return any(each.casefold() in mine for each in ids)


@dataclass(frozen=True, slots=True)
class Target:
    """Where the profiles of an export go, and what of them."""

    list_id: str
    fields: Sequence[str] = ()  # mapped ones in the order of the cells, the address excluded
    clears: Collection[str] = ()  # of these, the fields whose empty cell clears what is there
    options: Collection[str] = ()  # the destination's own, those that are on
    report_url: str = ""  # where a destination may report on a batch, put for `{batch}` in it
    columns: Sequence[str] = ()  # of the segments, that fill `fields`; for words only
    strict_fields: bool = False  # whether a value that a field cannot take makes a profile invalid


class InvalidProfile(Exception):
    """A profile that breaks a rule of the destination: it becomes an `invalid` reject."""

    def __init__(self, code: str, reason: Message) -> None:
        super().__init__(str(reason))
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Sent:
    """What a destination said to a batch: outcomes now, or a job that will tell them.

    `outcomes` are those of the profiles that are not accepted (and, with a job, not in it).
    """

    outcomes: Sequence[RowOutcome] = ()
    job: str | None = None


@dataclass(frozen=True, slots=True)
class FinishedJob:
    """What became of a job. A job that `failed` did nothing: the engine sends its profiles again."""

    job: Job
    outcomes: Sequence[
        RowOutcome
    ] = ()  # of the profiles that are not accepted; within the job's piece
    failed: Message | None = None  # why
