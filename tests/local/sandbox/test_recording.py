"""What a sandbox was asked is written down, without what lets somebody in."""

import json
import time
from pathlib import Path

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from local.sandbox.kit.recording import recorded


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await Response(body)(scope, receive, send)


async def test_requests_are_written_down_and_answered_as_before(tmp_path: Path) -> None:
    file, before = tmp_path / "deep" / "requests.jsonl", time.time()
    transport = httpx.ASGITransport(recorded(echo, file, most=2))
    async with httpx.AsyncClient(transport=transport, base_url="http://a.test") as http:
        await http.get("/sandbox/stats")
        headers = {"Authorization": "Bearer planted"}
        for number in range(3):
            answer = await http.post("/x", params={"n": number}, content=b"body", headers=headers)
            assert answer.content == b"body"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    times = [line.pop("at") for line in lines]
    assert before <= times[0] <= times[1] <= time.time()
    assert lines == [
        {"method": "POST", "path": "/x", "query": f"n={number}", "body": "body"}
        for number in range(2)
    ]


def test_without_a_file_nothing_is_in_the_way() -> None:
    assert recorded(echo, None) is echo
