"""Queue triggers against the storage emulator."""

import base64
import signal
from datetime import datetime

from tests.local.host.conftest import RunningHost, StartHost, World, until

Shared = tuple[World, RunningHost]


async def test_a_message_reaches_its_function_with_what_the_azure_host_tells(
    shared: Shared,
) -> None:
    world, _ = shared
    await world.send("hello É")
    [call] = await world.called("work", text="hello É")
    assert call["count"] == 1
    assert len(call["id"]) == 36
    inserted, expires = map(datetime.fromisoformat, call["times"])
    assert (expires - inserted).days == 7
    assert (datetime.fromisoformat(call["next"]) - inserted).total_seconds() > 500


async def test_a_message_that_succeeded_is_gone(shared: Shared) -> None:
    world, _ = shared
    await world.send("once")
    await world.called("work", text="once")

    async def empty() -> bool:
        async with world.queue() as queue:
            return (await queue.get_queue_properties()).approximate_message_count == 0

    await until(empty, "the deletion of the message")
    assert len([call for call in world.calls("work") if call["text"] == "once"]) == 1


async def test_a_message_that_keeps_failing_ends_in_the_poison_queue(shared: Shared) -> None:
    world, _ = shared
    await world.send("fail always")
    [given_up] = await world.called("poisoned", text="fail always")
    assert given_up["count"] == 1
    counts = [call["count"] for call in world.calls("work") if call["text"] == "fail always"]
    assert counts == [1, 2, 3]  # maxDequeueCount of the test's host.json


async def test_a_message_that_is_not_base64_is_given_up_without_a_run(shared: Shared) -> None:
    world, host = shared
    async with world.queue() as queue:
        sent = await queue.send_message("not base64!")

    async def warned() -> bool:
        return f"message {sent.id} moves to work-{world.names}-poison" in host.log.read_text()

    await until(warned, "the move to the poison queue")
    assert "not base64!" not in [call["text"] for call in world.calls("work")]


async def test_base64_of_no_text_is_tried_and_given_up_without_a_run(shared: Shared) -> None:
    world, host = shared
    async with world.queue() as queue:
        sent = await queue.send_message(base64.b64encode(b"\xff\xfe").decode())

    async def warned() -> bool:
        return f"message {sent.id} moves to work-{world.names}-poison" in host.log.read_text()

    await until(warned, "the move to the poison queue")
    assert host.log.read_text().count(f"message {sent.id} of work-{world.names} is not UTF-8") == 3


async def test_no_more_messages_run_at_once_than_the_settings_allow(
    world: World, start_host: StartHost
) -> None:
    async with world.queue() as queue:
        await queue.create_queue()
    gates = [world.folder / f"gate{number}" for number in range(6)]
    for gate in gates:
        await world.send(f"wait {gate}")
    await start_host()

    async def started(count: int) -> list[str]:
        texts = [call["text"] for call in world.calls("work")]
        found = [text for text in texts if text.startswith("wait ")]
        async with world.queue() as queue:
            waiting = len(await queue.peek_messages(max_messages=32))
        assert len(found) <= count
        return found if (len(found), waiting) == (count, 6 - count) else []

    # a batch of two, and the next one as soon as no more than one is left of it
    [first, _] = await until(lambda: started(2), "the first batch")
    next(gate for gate in gates if first == f"wait {gate}").touch()
    await until(lambda: started(4), "the second batch")
    for gate in gates:
        gate.touch()
    await until(lambda: started(6), "the last batch")


async def test_a_message_stays_invisible_while_its_function_runs(
    world: World, start_host: StartHost
) -> None:
    await start_host("--queue-visibility", "1")
    gate = world.folder / "gate"
    await world.send(f"wait {gate}")
    await world.called("work", text=f"wait {gate}")

    async def extended() -> bool:  # the host has said three times that it is still at it
        async with world.queue() as queue:
            await queue.send_message(base64.b64encode(b"tick").decode())
        ticks = [call for call in world.calls("work") if call["text"] == "tick"]
        first, last = (datetime.fromisoformat(each["next"]) for each in (ticks[0], ticks[-1]))
        return (last - first).total_seconds() > 3

    await world.send("tick")
    await world.called("work", text="tick")
    await until(extended, "three times the invisibility")
    gate.touch()
    await world.called("work", text=f"done {gate}")
    assert len([call for call in world.calls("work") if call["text"] == f"wait {gate}"]) == 1


async def test_the_message_of_a_killed_host_is_run_by_another_one(
    world: World, start_host: StartHost
) -> None:
    first = await start_host("--queue-visibility", "2")
    gate = world.folder / "gate"
    await world.send(f"wait {gate}")
    await world.called("work", text=f"wait {gate}")
    first.signal(signal.SIGKILL)
    await first.ended()
    gate.touch()
    second = await start_host("--queue-visibility", "2")
    [done] = await world.called("work", text=f"done {gate}")
    assert done["pid"] == second.process.pid
    assert [call["count"] for call in world.calls("work") if "count" in call] == [1, 2]
