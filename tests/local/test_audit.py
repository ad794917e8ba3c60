"""`make audit` fails over what is weak and over what it could not look at, for Python and for Node."""

import gzip
import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local.audit import audit, pinned
from local.processes import ROOT
from tests.local.servers import free_port

NO_UV = Path("/nowhere")
WEAK = {
    "left-pad": [
        {
            "id": 1,
            "url": "https://advisories.example/1",
            "title": "Weak",
            "severity": "low",
            "vulnerable_versions": "<2",
        }
    ]
}


@contextmanager
def registry(status: int, said: Any) -> Iterator[tuple[str, list[Any]]]:
    """Serve a registry that answers one thing; yields its address and what it was asked about."""
    asked: list[Any] = []

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            packed = self.headers.get("Content-Encoding") == "gzip"
            asked.append(json.loads(gzip.decompress(body) if packed else body))
            self._answer(status, said)

        def do_GET(self) -> None:  # what npm asks of a package that is weak
            self._answer(200, {"name": "left-pad", "versions": {"1.3.0": {}}})

        def _answer(self, code: int, body: Any) -> None:
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def pinning(folder: Path, registry: str) -> Path:
    """Pin a package for Node in a folder whose npm keeps nothing, tries all once and is told not to ask."""
    tool = folder / "local" / "tool"
    tool.mkdir(parents=True)
    needs = {"name": "x", "version": "1.0.0", "dependencies": {"left-pad": "1.3.0"}}
    locked = {"": needs, "node_modules/left-pad": {"version": "1.3.0"}}
    lock = {"name": "x", "version": "1.0.0", "lockfileVersion": 3, "packages": locked}
    (tool / "package.json").write_text(json.dumps(needs))
    (tool / "package-lock.json").write_text(json.dumps(lock))
    (tool / ".npmrc").write_text(
        f"registry={registry}\ncache={folder}/cache\nfetch-retries=0\naudit=false\noffline=true\n"
    )
    return folder


@pytest.mark.parametrize(
    ("status", "said", "bad"),
    [
        (200, {}, []),
        (200, WEAK, ["local/tool/package-lock.json"]),
        (500, {}, ["local/tool/package-lock.json"]),
        (404, {}, ["local/tool/package-lock.json"]),
    ],
)
def test_what_is_weak_or_could_not_be_looked_at_for_node_is_named(
    tmp_path: Path, status: int, said: Any, bad: list[str]
) -> None:
    with registry(status, said) as (url, asked):
        assert audit(pinning(tmp_path, url), NO_UV) == bad
    assert asked[0] == {"left-pad": ["1.3.0"]}


def test_a_registry_that_is_down_is_no_good_news(tmp_path: Path) -> None:
    down = f"http://127.0.0.1:{free_port()}/"
    assert audit(pinning(tmp_path, down), NO_UV) == ["local/tool/package-lock.json"]


@pytest.mark.parametrize(("code", "bad"), [(0, []), (1, ["requirements.txt"])])
def test_what_pip_audit_fails_over_is_named_and_it_is_strict(
    tmp_path: Path, code: int, bad: list[str]
) -> None:
    (tmp_path / "requirements.txt").touch()
    uv = tmp_path / "uv"
    uv.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{tmp_path}/asked"\nexit {code}\n')
    uv.chmod(0o755)
    assert audit(tmp_path, uv) == bad
    asked = (tmp_path / "asked").read_text().split()
    assert "--strict" in asked
    assert asked[-2:] == ["--requirement", str(tmp_path / "requirements.txt")]


def test_all_that_is_pinned_is_asked_about_by_make_and_every_week() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "*requirements*.txt", "*package-lock.json"],  # noqa: S607 - on PATH
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert sorted(listed) == sorted(str(each.relative_to(ROOT)) for each in pinned(ROOT))
    assert "audit: $(VENV)/.installed" in (ROOT / "Makefile").read_text()
    assert "\n\t$(PYTHON) -m local.audit\n" in (ROOT / "Makefile").read_text()
    assert "- run: make audit" in (ROOT / ".github/workflows/security.yml").read_text()
