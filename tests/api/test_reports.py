"""The address of a run's reports is open to whoever knows it, and to nobody else."""

from shared.domain.run import Checkpoint, Phase
from shared.runs.send.import_callbacks import report_url
from shared.storage.paths import CHECKPOINT
from tests.api.office import Office


async def under_way(office: Office) -> tuple[str, str]:
    """Return the id of a run that has a batch, and the token of its reports."""
    export = await office.export(await office.ready())
    run = str((await office.done("POST", f"/exports/{export}/run", {}))["id"])
    begun = Checkpoint(phase=Phase.SEND, batches=1, profiles=1)
    await office.services.storage.checkpoints.insert(run, CHECKPOINT, begun)
    return run, (await report_url(office.services, run)).partition("?token=")[2]


async def test_without_a_token_the_right_address_is_needed(office: Office) -> None:
    run, token = await under_way(office)
    path = f"/reports/{run}"
    made_up = [f"{path}/0?token={each}" for each in ("", "nothing", "Ä", "0" * 64)]
    for wrong in (f"{path}/0", f"{path}/x?token={token}", f"{path}/0?Token={token}", *made_up):
        answer = await office.ask("POST", wrong, {"failures": []}, role=None)
        assert answer.status_code in (404, 422)
        assert "failures" not in answer.text


async def test_a_report_is_taken_at_its_address_and_at_the_one_of_earlier_versions(
    office: Office,
) -> None:
    run, token = await under_way(office)
    for path in (f"/reports/{run}/0?token={token}", f"/reports/{run}/{token}/0"):
        assert (await office.ask("POST", path, {"x": 1}, role=None)).status_code == 204
        over = path.replace("/0", "/1")  # a batch that the run does not have
        assert (await office.ask("POST", over, {"x": 1}, role=None)).status_code == 404
    kept = [info.name async for info in office.services.storage.run_files.list(f"{run}/parts")]
    assert len(kept) == 2


async def test_too_large_a_report_is_refused(office: Office) -> None:
    path = "/reports/export.run/0?token=nothing"
    answer = await office.ask("POST", path, {"x": "y" * 1_100_000}, role=None)
    assert answer.status_code == 413
