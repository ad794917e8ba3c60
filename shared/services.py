"""The ports that use cases work with, joined once by bootstrap (or by a test)."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import httpx

from shared.destinations.contract import Destination
from shared.destinations.model import Field, Limits, ListInfo
from shared.domain.clock import Clock
from shared.storage.ports import Storage
from shared.transport.kept_answers import KeptAnswers
from shared.transport.webhook import Webhook


@dataclass(frozen=True, slots=True)
class PublicAddresses:
    """The addresses of the app that others are given."""

    callback: str  # where a destination's sign-in page sends the browser
    done: str  # the last page of a sign-in
    reports: str  # where destinations report on jobs, with {run}, {batch} and {token} in it


@dataclass(frozen=True, slots=True)
class KeptKey:
    """One of the app's own keys, as this process has read it."""

    value: bytes = field(repr=False)
    read_at: float  # by the monotonic clock


@dataclass(frozen=True, slots=True)
class Services:
    """Storage, destinations, a way out, a clock, and the settings that use cases heed."""

    storage: Storage
    destinations: Mapping[str, Destination]
    http: httpx.AsyncClient
    clock: Clock
    addresses: PublicAddresses
    slice_seconds: float
    max_profiles: int  # of one export, whatever its destination
    retention_days: int = 30
    max_unsent_rejects: int = 100_000  # that a run keeps of rows that it never sent
    linked_prefix: str = "segment-exports-"  # of what connections may name in the linked vault
    webhook: Webhook | None = None  # who wants to be told of the end of runs

    # The app's own keys by name: those that were read, and those that are being read.
    kept_keys: dict[str, KeptKey] = field(default_factory=dict, repr=False)
    wanted_keys: dict[str, asyncio.Task[bytes]] = field(default_factory=dict, repr=False)
    kept_lists: KeptAnswers[Sequence[ListInfo]] = field(default_factory=KeptAnswers, repr=False)
    kept_fields: KeptAnswers[Sequence[Field]] = field(default_factory=KeptAnswers, repr=False)

    def profiles_allowed(self, limits: Limits) -> int:
        """Return how many profiles an export to a destination with these limits may hold."""
        return min(self.max_profiles, limits.profiles_per_export or self.max_profiles)
