"""A client that a generator makes of the OpenAPI document works without a change."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.office import BASE, Office, choices, contract

PACKAGE = "generated_client"


@pytest.fixture
def part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Import a module of a client that is generated without a warning."""
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(contract().document))
    # The generator formats what it writes with the ruff that it finds.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(  # noqa: S603 - the generator that is pinned for this
        [
            *(sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"),
            *("--fail-on-warning", "--path", str(document)),
            *("--output-path", str(tmp_path / PACKAGE)),
        ],
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.syspath_prepend(tmp_path)
    return lambda name: import_module(f"{PACKAGE}.{name}")


async def test_a_generated_client_reads_and_writes(
    office: Office, part: Callable[[str], Any]
) -> None:
    connection = await office.ready()
    await office.drop()
    caller = part("client").AuthenticatedClient(
        BASE,
        office.issuer.token("administrator"),
        httpx_args={"transport": httpx.ASGITransport(office.app)},
    )
    models, exports = part("models"), "api.exports."

    body = models.ExportChoices.from_dict(choices(connection))
    created = await part(f"{exports}create_export").asyncio(client=caller, body=body)
    assert (created.name, created.destination, created.can.edit) == (
        "Newsletter",
        "mailchimp",
        True,
    )
    listed = await part(f"{exports}list_exports").asyncio(client=caller, limit=1)
    assert [each.id for each in listed.items] == [created.id]

    problem = await part(f"{exports}get_export").asyncio("unknown", client=caller)
    assert isinstance(problem, models.Problem)
    assert (problem.status, problem.type_) == (404, "/api/problems/not-found")
