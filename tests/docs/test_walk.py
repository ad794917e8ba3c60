"""The commands that the documents show are run, in order, against the running stack."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.processes import Process, end
from local.stack import Stack
from tests.docs.pages import ROOT, blocks, section

SECONDS = 150


@pytest.fixture
def host(stack: Stack) -> Iterator[Process]:
    host = stack.start_host()
    assert host.url == stack.urls["api"]  # where `env` says that the API is
    yield host
    end([host])


def run(stack: Stack, folder: Path, script: str) -> str:
    """Run commands as a person would who has opened a terminal; return what they print."""
    # Their stack has the default state folder, the tests' one has its own.
    script = re.sub(r"python -m local \w+", rf"\g<0> --state '{stack.state}'", script)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(  # noqa: S603 - the documents' own commands
        ["bash", "-euo", "pipefail", "-c", script],  # noqa: S607 - whichever bash people have
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.usefixtures("host")
def test_the_walk_of_the_readme_does_what_it_says(stack: Stack, tmp_path: Path) -> None:
    walk = section((ROOT / "README.md").read_text(), "### A walk through the API")
    printed = run(stack, tmp_path, "".join(blocks(walk, "bash")))
    assert "The account is connected." in printed
    assert '{"ok":true,"reason":null,"status":"ready"}' in printed
    assert '"status":"not_started"' in printed
    assert '"destination":"mailchimp","display_name":"Our Mailchimp"}' in printed  # and no more
    assert "\nEn ny fil för ett segment har kommit in.\n" in printed
    assert "\nUn nouveau fichier d’un segment est arrivé.\n" in printed
    assert '"text": "Done: 5 rows read: 3 accepted, 1 invalid, 1 refused."' in printed
    assert "\nReaders,5,not an address,invalid,no_at," in printed
    assert "\nReaders,6,somebody@fake.example,refused," in printed
    assert '"merge_fields":{"FNAME":"Łukasz","LNAME":"Wójcik"}' in printed
    assert '"merge_fields":{"FNAME":"李","LNAME":"Wei"}' in printed
    first, again = re.findall(r'^\{"id":"([^"]+)".*"mode":"everything"', printed, re.MULTILINE)
    assert first == again
    assert '{"times":[],"days":[],"time_zone":"UTC"}' in printed


def test_the_settings_of_the_sandbox_change_as_shown(stack: Stack, tmp_path: Path) -> None:
    page = (ROOT / "docs/local-stack.md").read_text()
    shown = blocks(section(page, "## Settings of the Mailchimp sandbox"), "bash")
    printed = run(stack, tmp_path, "\n".join(['eval "$(python -m local env)"', *shown]))
    assert '"kind":"reset-after"' in printed
    assert '"peak_connections"' in printed
