"""Credentials that end: refreshed in time, or once when they are refused, and by one host at a time.

A refresh token may work only once. So new credentials are stored, as a new version of the same secret,
before anybody uses them; whoever comes later, or after a crash, reads those. What remains is a process
that dies in the milliseconds between the vendor's answer and the vault's: then somebody has to sign in
again, unless the vendor's tokens work more than once, which its registration may let one choose.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from math import inf

from shared.connections.credentials import as_secret, gone, read_credentials
from shared.destinations.model import Credentials
from shared.destinations.oauth2 import Tokens
from shared.domain.clock import Clock
from shared.domain.errors import NeedsAttention, RateLimited, TryLater
from shared.domain.message import say
from shared.storage.ports import AlreadyExists, Leases, Secrets, Unavailable
from shared.storage.retrying import retried

_EARLY = timedelta(minutes=5)
_PATIENCE = 30.0  # seconds to wait for another host that refreshes
_LOOK_SECONDS = 1.0
_RENEW_SECONDS = 20.0  # a lease lasts for 60
_TRIES = 3  # of a refresh that the sign-in service has too many of
_BUSY_SECONDS = 1.5
_LONGEST_BUSY = 2.0  # as everywhere: a longer wait is not paid for
# While the only credentials that work are in our hands alone, it is worth trying for a minute.
_STORE_WAITS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)


class Refreshing:
    """The authorisation of a connection whose credentials may end."""

    def __init__(
        self,
        tokens: Tokens,
        vault: Secrets,
        leases: Leases,
        clock: Clock,
        connection_id: str,
        secret_name: str,
        credentials: Credentials,
    ) -> None:
        self._tokens = tokens
        self._vault = vault
        self._leases = leases
        self._clock = clock
        self._lease = f"refresh-{connection_id}"
        self._secret_name = secret_name
        self._refresh: asyncio.Task[None] | None = None
        self._take(credentials)

    async def headers(self) -> Mapping[str, str]:
        """Return headers that work for a while; raise NeedsAttention or TryLater."""
        if self._ends_soon():
            await self._refreshed()
        return self._headers

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Refresh what was refused with a 401, unless that was done meanwhile; False if it is in vain."""
        if self._headers == refused:
            await self._refreshed()
        return self._headers != refused

    def _take(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._headers = self._tokens.auth.headers(credentials)
        self._ends_at = self._tokens.expire_at(credentials)

    def _ends_soon(self) -> bool:
        return self._ends_at is not None and self._ends_at - _EARLY <= self._clock.now()

    async def _refreshed(self) -> None:
        """Refresh once for all who ask.

        It is done in a task of its own: a slice that is stopped half-way must not throw away an answer
        that holds the only credentials that still work.
        """
        if self._refresh is None or self._refresh.done():
            self._refresh = asyncio.create_task(self._replace())
        await asyncio.shield(self._refresh)

    async def _replace(self) -> None:
        async with self._alone():
            before, kept = self._credentials, await self._kept()
            self._take(kept)
            # Another host may have refreshed them since we read them.
            if kept == before or self._ends_soon():
                self._take(await self._traded(kept))

    async def _traded(self, old: Credentials) -> Credentials:
        try:
            new = await self._asked(old)
        except NeedsAttention:
            kept = await self._kept()
            if kept == old:
                raise
            return kept  # stored by a host that had the lease before us and lost it
        if new != old:
            await self._store(new)
        return new

    async def _asked(self, old: Credentials) -> Credentials:
        # As in storage/retrying.py: most instances never refresh tokens.
        from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

        retrying = AsyncRetrying(
            sleep=self._clock.sleep,
            retry=retry_if_exception(lambda error: _busy_seconds(error) <= _LONGEST_BUSY),
            wait=lambda state: _busy_seconds(state.outcome.exception() if state.outcome else None),
            stop=stop_after_attempt(_TRIES),
            reraise=True,
        )
        return await retrying(self._tokens.refresh, old)

    async def _kept(self) -> Credentials:
        return await read_credentials(self._vault, self._secret_name)

    async def _store(self, new: Credentials) -> None:
        async def store() -> None:
            await self._vault.set(self._secret_name, as_secret(new))

        try:
            await retried(store, self._clock, _STORE_WAITS)
        except AlreadyExists:  # the name of a deleted secret: somebody signed in anew
            raise gone() from None

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Keep other hosts from refreshing. Losing the lease does not stop what is under way."""
        lease_id = await self._acquired()
        keeper = asyncio.create_task(self._keep(lease_id))
        try:
            yield
        finally:
            keeper.cancel()
            with suppress(Unavailable):  # then it ends by itself
                await self._leases.release(self._lease, lease_id)

    async def _acquired(self) -> str:
        until = self._clock.monotonic() + _PATIENCE
        while (lease_id := await self._leases.acquire(self._lease)) is None:
            if self._clock.monotonic() >= until:
                title = self._tokens.title
                raise TryLater(
                    say("The sign-in at {destination} is being refreshed.", destination=title)
                )
            await self._clock.sleep(_LOOK_SECONDS)
        return lease_id

    async def _keep(self, lease_id: str) -> None:
        while True:
            await self._clock.sleep(_RENEW_SECONDS)
            with suppress(Unavailable):
                await self._leases.renew(self._lease, lease_id)


def _busy_seconds(error: BaseException | None) -> float:
    """Return in how many seconds a sign-in service that has too many requests may be asked again."""
    return error.after or _BUSY_SECONDS if isinstance(error, RateLimited) else inf
