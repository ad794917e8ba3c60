"""A look at a run before it begins, and its end amid the sending, at any destination."""

import asyncio
import re

import pytest

from shared.domain.run import Mode, RunStatus
from shared.runs.cancel import cancel_run
from shared.runs.preview.preview import BODIES, preview
from tests.contract.destinations.side import Side
from tests.contract.destinations.world import address, csv, ready
from tests.contract.wire import Sent
from tests.fakes.people import ADMINISTRATOR

ROWS = 8_000


@pytest.mark.rule("preview-shows-requests")
async def test_a_preview_shows_the_requests_that_a_run_then_makes(side: Side) -> None:
    world = await ready(side)
    await world.drop(csv(ROWS))
    seen = await preview(world.services, ADMINISTRATOR, "export", Mode.CHANGES)
    assert side.active() == set()
    assert (seen.laid_out.profiles, len(seen.laid_out.counts.model_dump())) == (ROWS, 7)
    written = re.compile(side.write_path.replace("*", ".*"))
    assert not [each for each in world.wire.requests if is_write(each, written)]
    assert seen.estimate.seconds >= 1

    run = await world.run()
    bodies = [each.body for each in world.wire.requests if is_write(each, written)]
    reports = f"{run.id}/([0-9]+)[?]token=[0-9a-f]+".encode()
    sent = {re.sub(reports, rb"<run>/\1?token=<token>", body) for body in bodies}
    assert seen.laid_out.batches == len(bodies)
    assert len(seen.bodies) == min(BODIES, len(bodies))
    assert set(seen.bodies) <= sent


def is_write(request: Sent, path: re.Pattern[str]) -> bool:
    return request.method == "POST" and path.fullmatch(request.path) is not None


@pytest.mark.rule("cancel-amid-sending")
@pytest.mark.parametrize("seconds", [0.5, 4, 9, 14])
async def test_a_run_can_be_canceled_amid_its_sending_and_the_next_sends_the_rest(
    side: Side, seconds: float
) -> None:
    world = await ready(side)
    await world.drop(csv(ROWS))
    run = await world.start()

    async def cancel() -> None:
        await side.clock.sleep(seconds)
        if not (await world.now(run)).status.is_over:
            await cancel_run(world.services, ADMINISTRATOR, run.id)

    await asyncio.gather(world.deliver(), cancel())
    await world.deliver()

    ended, progress = await world.now(run), await world.progress(run)
    assert ended.status in (RunStatus.CANCELED, RunStatus.SUCCESSFUL)
    counts = progress.counts
    assert progress.rows_read in (0, ROWS)
    assert counts.total + progress.not_sent == progress.rows_read
    assert len(side.active()) == counts.accepted
    again = (await world.progress(await world.run())).counts
    assert (again.unchanged, again.accepted) == (counts.accepted, ROWS - counts.accepted)
    assert side.active() == {address(n) for n in range(ROWS)}
    assert {side.received(address(n)) for n in range(ROWS)} == {1}
