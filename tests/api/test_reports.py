"""The address of a run's reports is open to whoever knows it, and to nobody else."""

from shared.runs.send.import_callbacks import report_url
from tests.api.office import Office


async def test_without_a_token_the_right_address_is_needed(office: Office) -> None:
    url = await report_url(office.services, "export.run")
    path = url.removeprefix("https://exports.test/api/v1")
    made_up = [f"/reports/export.run/{token}" for token in ("nothing/0", "nothing/x", "Ä/0")]
    for wrong in (f"{path}/0", *made_up):
        answer = await office.ask("POST", wrong, {"failures": []}, role=None)
        assert answer.status_code in (404, 422)
        assert "failures" not in answer.text


async def test_too_large_a_report_is_refused(office: Office) -> None:
    path = "/reports/export.run/nothing/0"
    answer = await office.ask("POST", path, {"x": "y" * 1_100_000}, role=None)
    assert answer.status_code == 413
