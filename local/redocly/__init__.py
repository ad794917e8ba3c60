"""Lints the OpenAPI document with Redocly CLI, from where it is installed.

It asks nothing of the network: its statistics and its look for newer releases are turned off.
"""

import json
import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from local.node import node
from shared.api.allowances import Allowances
from shared.api.app import create_app
from shared.api.tokens import TokenCheck
from shared.domain.clock import SystemClock
from shared.services import Services

_FOLDER = Path(__file__).parent
_SCRIPT = _FOLDER / "node_modules" / "@redocly" / "cli" / "bin" / "cli.js"
_QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


def document() -> dict[str, Any]:
    """Return the OpenAPI document of the API as the code in this folder has it."""

    async def no_services() -> Services:
        raise AssertionError("the document needs none")

    nobody = TokenCheck(httpx.AsyncClient(), "https://issuer.example.com", "", "", SystemClock())
    nothing = Allowances(0, 0, SystemClock())
    return create_app(no_services, nobody, nothing).openapi()


def lint(document: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Hold a document against the rules of redocly.yaml; the exit code is 0 if it keeps to them all."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "openapi.json"
        path.write_text(json.dumps(document, indent=1))
        return subprocess.run(  # noqa: S603 - the linter that is pinned here
            [node(), str(_SCRIPT), "lint", "--config", str(_FOLDER / "redocly.yaml"), str(path)],
            env=os.environ | _QUIET,
            capture_output=True,
            text=True,
            check=False,
        )
