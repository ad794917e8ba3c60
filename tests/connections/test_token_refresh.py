"""Credentials that end, at a vendor whose refresh tokens work once: nobody loses a connection."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import httpx
import pytest

from shared.connections.access import Access, use_credentials
from shared.connections.credentials import store_credentials
from shared.connections.vendor_api import open_api
from shared.domain.audit import SYSTEM, Action
from shared.domain.connection import ConnectionStatus
from shared.domain.errors import Culprit, NeedsAttention, TryLater
from shared.domain.run import RunStatus
from shared.people.audit_trail import Recording
from shared.services import Services
from shared.storage.ports import Unavailable
from shared.transport.fast_client import open_http
from tests.contract.destinations.side import InProcess, fault
from tests.contract.destinations.sides import ConstantContactSide
from tests.contract.destinations.world import World, csv
from tests.fakes.storage import MemoryLeases, MemorySecrets
from tests.runs.mortal import Life, in_life, survives

DAY = 86_400
LEASE = "refresh-connection"


@dataclass
class Interrupted(httpx.AsyncBaseTransport):
    """A network on which something happens before the first request for tokens arrives."""

    inner: httpx.AsyncBaseTransport
    happens: Callable[[], Awaitable[None]] | None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token") and self.happens:
            happens, self.happens = self.happens, None
            await happens()
        return await self.inner.handle_async_request(request)


class Flaky(MemorySecrets):
    """A vault that does not answer to so many writes."""

    silent = 0

    async def set(self, name: str, value: str) -> None:
        if self.silent:
            self.silent -= 1
            raise Unavailable
        await super().set(name, value)


class Host:
    """A connected account, and requests to it from any number of hosts."""

    def __init__(self) -> None:
        self.side = ConstantContactSide()
        self.clock = self.side.clock
        self.tokens = self.side.sandbox.tokens
        self.vault = Flaky()
        self.world = World(self.side)
        storage = replace(self.world.services.storage, secrets=self.vault)
        self.world.services = replace(self.world.services, storage=storage)

    @property
    def services(self) -> Services:
        """The first host."""
        return self.world.services

    @property
    def leases(self) -> MemoryLeases:
        leases = self.services.storage.lanes
        assert isinstance(leases, MemoryLeases)
        return leases

    def other(self, happens: Callable[[], Awaitable[None]] | None = None) -> Services:
        """Return another host, whose first refresh may be interrupted."""
        network = Interrupted(InProcess(self.side.app), happens)
        return replace(self.services, http=open_http(network))

    async def connect(self) -> None:
        """Sign in; from then on `refreshes` counts."""
        await self.world.connect()
        self._issued = self.tokens.issued
        self.clock.advance(2)

    @property
    def refreshes(self) -> int:
        """How often tokens were refreshed since the sign-in."""
        return self.tokens.issued - self._issued

    async def ask(self, services: Services | None = None, times: int = 1) -> None:
        """Send requests that only an authorised caller gets an answer to."""
        services = services or self.services
        api = await open_api(services, await self.world.connection())
        await asyncio.gather(*(api.get("/account/summary") for _ in range(times)))

    def expire(self) -> None:
        """End the access token before its time."""
        self.tokens.expire(1)


@pytest.fixture
async def host() -> Host:
    host = Host()
    await host.connect()
    return host


async def test_an_access_token_is_used_until_five_minutes_before_its_end(host: Host) -> None:
    host.clock.advance(DAY - 400)
    await host.ask()
    assert host.refreshes == 0
    host.clock.advance(100)
    await host.ask(times=3)
    await host.ask()
    assert host.refreshes == 1


async def test_one_that_ends_while_it_is_used_is_refreshed_on_the_way(host: Host) -> None:
    api = await open_api(host.services, await host.world.connection())
    await api.get("/account/summary")
    for refreshes in (1, 2):
        host.clock.advance(DAY)
        await api.get("/account/summary")
        assert host.refreshes == refreshes


async def test_one_that_was_ended_early_is_refreshed_once_for_all_who_were_refused(
    host: Host,
) -> None:
    host.expire()
    await host.ask(times=4)
    assert host.refreshes == 1


async def test_a_refusal_that_a_refresh_does_not_mend_needs_a_sign_in(host: Host) -> None:
    host.side.faults.queued.append(fault("401", "/v3/account/summary", count=2))
    with pytest.raises(NeedsAttention, match="Sign in again") as raised:
        await host.ask()
    assert raised.value.culprit is Culprit.CONNECTION
    assert host.refreshes == 1


@pytest.mark.parametrize("early", [True, False])
async def test_of_hosts_that_refresh_at_once_one_does(host: Host, early: bool) -> None:
    if early:
        host.clock.advance(DAY - 100)
    else:
        host.expire()
    host.side.sandbox.settings.requests_per_second = 100  # the hosts share no pace
    hosts = [host.other() for _ in range(3)]

    await asyncio.gather(*(host.ask(each, times=2) for each in hosts))

    assert host.refreshes == 1
    host.clock.advance(DAY)
    await asyncio.gather(*(host.ask(each) for each in hosts))
    assert host.refreshes == 2


async def test_whoever_waits_for_another_host_uses_what_that_one_got(host: Host) -> None:
    host.clock.advance(DAY)
    seconds = 90.0  # longer than a lease lasts that nobody renews

    async def slow() -> None:
        await host.clock.sleep(seconds)

    first = asyncio.create_task(host.ask(host.other(slow)))
    await host.clock.sleep(1)
    with pytest.raises(TryLater, match="is being refreshed"):
        await host.ask()
    assert host.refreshes == 0
    await host.clock.sleep(40)
    await asyncio.gather(first, host.ask())
    assert host.refreshes == 1


async def test_a_refresh_that_came_too_late_is_no_failure_when_another_host_was_in_time(
    host: Host,
) -> None:
    host.clock.advance(DAY)

    async def another() -> None:
        host.leases.take_away(LEASE)
        await host.ask()
        host.clock.advance(2)

    await host.ask(host.other(another))
    assert host.refreshes == 1


async def test_a_refresh_is_finished_and_kept_even_if_the_slice_that_wanted_it_is_stopped(
    host: Host,
) -> None:
    host.clock.advance(DAY)

    async def slow() -> None:
        await host.clock.sleep(5)

    asking = asyncio.create_task(host.ask(host.other(slow)))
    await host.clock.sleep(1)
    asking.cancel()
    await host.clock.sleep(10)

    assert asking.cancelled()
    assert host.refreshes == 1
    await host.ask()
    assert host.refreshes == 1


async def test_new_credentials_are_kept_before_they_are_used_however_long_the_vault_takes(
    host: Host,
) -> None:
    host.clock.advance(DAY)
    host.vault.silent = 5
    before = host.side.account.requests.copy()

    async def looks() -> None:
        await host.clock.sleep(20)
        assert host.refreshes == 1
        assert host.side.account.requests == before

    await asyncio.gather(host.ask(), looks())
    assert host.refreshes == 1
    await host.ask(host.other())
    assert host.refreshes == 1


async def test_too_many_requests_for_tokens_are_made_a_little_later(host: Host) -> None:
    host.clock.advance(DAY)
    sandbox = host.side.sandbox
    sandbox.token_second.take(host.clock.now().timestamp())
    await host.ask()
    assert host.refreshes == 1
    assert sandbox.exceeded["token_requests"] == 1


async def test_a_sign_in_service_that_stays_busy_is_tried_later_and_nothing_is_lost(
    host: Host,
) -> None:
    host.clock.advance(DAY)

    async def busy() -> None:
        raise httpx.ConnectError("planted")

    with pytest.raises(TryLater):
        await host.ask(host.other(busy))
    await host.ask()
    assert host.refreshes == 1


async def signed_in_anew(host: Host, access: Access) -> None:
    recording = Recording(host.services, SYSTEM, Action.SIGN_IN_FINISHED)
    await use_credentials(host.services, "connection", None, access, recording)


async def test_who_signs_in_anew_during_a_refresh_keeps_that(host: Host) -> None:
    host.clock.advance(DAY)

    async def anew() -> None:
        credentials, account = await host.side.sign_in(host.services.http)
        name = await store_credentials(host.vault, credentials)
        await signed_in_anew(host, Access(account, name))
        host.clock.advance(2)

    with pytest.raises(NeedsAttention, match="gone from the vault"):
        await host.ask(host.other(anew))
    await host.ask()


async def lost_after_a_crash(dies_at: int, after: bool, rotating: bool) -> bool | None:
    """Kill a host during a refresh; say whether that lost the connection, None if it survived."""
    host = Host()
    await host.connect()
    host.side.sandbox.settings.rotating = rotating
    host.clock.advance(DAY)
    life = Life(dies_at, after)
    mortal = in_life(host.services, InProcess(host.side.app), life)
    if await survives(life, host.ask(mortal)):
        return None
    host.clock.advance(61)  # until its lease has ended
    try:
        await host.ask()
    except NeedsAttention:
        return True
    return False


@pytest.mark.parametrize("rotating", [True, False])
async def test_a_crash_loses_a_connection_only_between_the_answer_and_the_vault(
    rotating: bool,
) -> None:
    lost = []
    for dies_at in range(1, 100):
        fates = [await lost_after_a_crash(dies_at, after, rotating) for after in (False, True)]
        if fates == [None, None]:
            break
        lost += [(dies_at, after) for after, fate in enumerate(fates) if fate]
    assert dies_at > 6
    if rotating:
        # Killed once the answer was on its way, or before it was written down: next to each other.
        [(answered, effect), (written, no_effect)] = lost
        assert (written - answered, effect, no_effect) == (1, 1, 0)
    else:
        assert lost == []


async def test_a_token_that_ends_during_a_run_costs_one_refresh_and_nothing_else(
    host: Host,
) -> None:
    await host.world.export()
    await host.world.drop(csv(500))
    run = await host.world.start()
    while not any(route.startswith("POST") for route in host.side.account.requests):
        await host.world.deliver(1)
    host.expire()
    await host.world.deliver()

    assert (await host.world.now(run)).status is RunStatus.SUCCESSFUL
    assert (await host.world.progress(run)).counts.accepted == 500
    assert host.side.account.contacts.repeated == 0
    assert host.refreshes == 1


async def test_a_revoked_connection_skips_its_run_which_goes_on_after_the_next_sign_in(
    host: Host,
) -> None:
    world = host.world
    await world.export()
    await world.drop(csv(500))
    host.side.revoke()
    run = await world.run()
    assert run.status is RunStatus.SKIPPED
    connection = await world.connection()
    assert connection.status is ConnectionStatus.NEEDS_SIGN_IN
    assert "no longer accepts the sign-in" in str(connection.reason)

    host.side.restore()
    credentials, account = await host.side.sign_in(host.services.http)
    host.clock.advance(1)
    name = await store_credentials(host.vault, credentials)
    await signed_in_anew(host, Access(account, name))
    await world.deliver()

    assert (await world.now(run)).status is RunStatus.SUCCESSFUL
    assert (await world.connection()).status is ConnectionStatus.READY
    assert len(host.side.active()) == 500
