"""Timer triggers against the storage emulator."""

import json
import signal

from tests.local.host.conftest import StartHost, World, until

CONTAINER = "azure-webjobs-hosts"


def _status(world: World) -> str:
    return f"timers/{world.names}/Host.Functions.yearly/status"


async def test_missed_ticks_give_one_late_run(world: World, start_host: StartHost) -> None:
    missed = {"Last": "2020-06-01T00:00:00+00:00", "Next": "2021-01-01T00:00:00+00:00"}
    async with world.container(CONTAINER) as container:
        if not await container.exists():
            await container.create_container()
        status = container.get_blob_client(_status(world))
        await status.upload_blob(json.dumps(missed | {"LastUpdated": missed["Last"]}))
        await start_host()
        [call] = await world.called("yearly")
        assert call["past_due"] is True
        assert call["status"]["Last"] == missed["Last"]
        assert call["status"]["Next"] == missed["Next"]

        async def recorded() -> bool:
            written = json.loads(await (await status.download_blob()).readall())
            return bool(written["Last"] > "2025" and written["Next"] > written["Last"])

        await until(recorded, "the record of the run")
    assert len(world.calls("yearly")) == 1


async def test_a_timer_seen_for_the_first_time_is_not_late(
    world: World, start_host: StartHost
) -> None:
    await start_host()

    async def recorded() -> bool:
        async with world.container(CONTAINER) as container:
            return await container.get_blob_client(_status(world)).exists()

    await until(recorded, "the record of the schedule")
    assert world.calls("yearly") == []


async def test_one_host_keeps_the_clock_and_another_takes_over_when_it_dies(
    world: World, start_host: StartHost
) -> None:
    hosts = [await start_host(SECONDLY="1"), await start_host(SECONDLY="1")]
    await world.called("secondly", count=3)
    [keeper] = {call["pid"] for call in world.calls("secondly")}
    killed = next(host for host in hosts if host.process.pid == keeper)
    killed.signal(signal.SIGKILL)
    [other] = [host.process.pid for host in hosts if host is not killed]
    await world.called("secondly", pid=other)


async def test_a_host_that_stops_gives_the_clock_back_at_once(
    world: World, start_host: StartHost
) -> None:
    first = await start_host("--timer-lease", "60", SECONDLY="1")
    await world.called("secondly")
    first.signal(signal.SIGTERM)
    assert await first.ended() == 0
    second = await start_host("--timer-lease", "60", SECONDLY="1")
    await world.called("secondly", pid=second.process.pid)
