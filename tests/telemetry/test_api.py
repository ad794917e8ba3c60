"""The API reports nothing by itself: FastAPI could, with the words of errors and whole paths."""

from pathlib import Path

from local.identity import SigningKey
from tests.api.office import Office
from tests.telemetry.recorder import Recorder


async def test_a_request_to_the_api_is_not_written_down(tmp_path: Path, told: Recorder) -> None:
    office = Office(SigningKey(tmp_path))
    told.points()
    for path in (
        "/oauth/callback?code=planted-code&state=planted-state",
        "/reports/export.1-a/planted-token/0",
        "/segments/planted@example.com",
        "/me",
    ):
        await office.ask("GET", path)
    refused = await office.ask("POST", "/connections", {"destination": "planted@example.com"})
    assert refused.status_code == 422
    assert told.spans.ended == []
    assert told.points() == {}
    assert told.lines()
    assert not any("planted" in text for _, text in told.texts())
