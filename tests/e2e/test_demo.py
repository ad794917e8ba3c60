"""The demo, as somebody runs it who has just cloned the repository."""

import json
import subprocess
import sys
from pathlib import Path

from local import stack_file
from local.processes import ROOT, runs
from tests.e2e.polling import until
from tests.e2e.system import clean_environ
from tests.e2e.traces import Traces

ROWS = 2_000
PARTS = 8  # the demo itself, its six servers and the functions host


def test_the_demo_shows_its_figures_and_leaves_nothing_running(
    tmp_path: Path, traces: Traces
) -> None:
    report, state = tmp_path / "figures.json", tmp_path / "state"
    command = [sys.executable, "-m", "local", "demo", "--rows", str(ROWS)]
    command += ["--json", str(report), "--state", str(state)]

    def everyone() -> dict[int, list[str]]:
        running = stack_file.running(state / "demo")
        known = running.commands if running else {}
        return {int(pid): line for pid, line in known.items()} if len(known) == PARTS else {}

    with subprocess.Popen(  # noqa: S603 - the command is the line above
        command, cwd=ROOT, env=clean_environ(), stdout=subprocess.PIPE, text=True
    ) as demo:
        try:
            processes = until(everyone, "the start of the demo's processes", seconds=120)
            printed, _ = demo.communicate(timeout=180)
        finally:
            demo.terminate()

    assert demo.returncode == 0, printed
    assert [line for pid, line in processes.items() if runs(pid, line)] == []
    assert "Every row had the outcome that was planned for it." in printed
    for line in ("First run", "Engine CPU", "Peak memory", "At Mailchimp", "Rejects"):
        assert f"\n{line}" in printed
    figures = json.loads(report.read_text())
    assert figures["rows"] == ROWS
    statuses = [run["status"] for run in figures["runs"].values()]
    assert statuses == [
        "successful",
        "successful",
        "skipped",
    ]  # no new file came before the refresh
    assert traces.left_by(state / "demo") == []
