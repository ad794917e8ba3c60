"""What it costs to load the app: the processor's time that a new instance spends before it works.

Each is measured in processes of their own, on the packages that are deployed and with compiled files, and
set against `import azure.functions`, which no app can avoid: machines differ, the ratio hardly does.
"""

import argparse
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from tests.bench.results import Results
from tests.deployment.folder import PACKAGES, build

BASE = "import azure.functions"
APP = "import function_app"
STEPS = {
    "azure.functions alone": BASE,
    "the app, as the host loads it": APP,
    "and to work on a slice": f"{APP}; import shared.bootstrap, shared.runs.slice",
    "and to answer a request": f"{APP}; import shared.bootstrap, shared.api.app",
    "and to send telemetry": f"{APP}; import shared.bootstrap, azure.monitor.opentelemetry",
}
_MEASURE = "import time; begun = time.process_time(); {code}; print(time.process_time() - begun)"


def seconds(app: Path, code: str, times: int = 5) -> float:
    """Return the processor seconds of running some code of a deployed app: the least of several processes."""
    python = [str(Path(sys.base_prefix) / "bin" / "python3.13"), "-S"]
    found = []
    for _ in range(times + 1):  # the first one compiles
        run = subprocess.run(  # noqa: S603 - our own interpreter
            [*python, "-c", _MEASURE.format(code=code)],
            cwd=app,
            env={"PYTHONPATH": str(app / PACKAGES)},
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(float(run.stdout))
    return min(found)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen."""
    parser.add_argument("--times", type=int, default=5, help="of each, whose least counts")


def run(options: argparse.Namespace) -> Results:
    """Measure each step and print."""
    with TemporaryDirectory() as folder:
        app = build(Path(folder))
        took = {name: seconds(app, code, options.times) for name, code in STEPS.items()}
    results = compared(took)
    table = Table(title="Loading the app: seconds of the processor, in a new process")
    table.add_column("what")
    for column in ("ms", "÷ azure.functions"):
        table.add_column(column, justify="right")
    for row in (*results.reference, *results.rows):
        cells = (f"{row['cpu_seconds'] * 1000:.0f}", f"{row['times_azure_functions']:.1f}")
        table.add_row(row["what"], *cells)
    Console(width=110).print(table)
    return results


def compared(took: Mapping[str, float]) -> Results:
    """Return the seconds of each step beside those of the first one."""
    base = next(iter(took.values()))
    rows = [
        {"what": name, "cpu_seconds": each, "times_azure_functions": each / base}
        for name, each in took.items()
    ]
    return Results(rows=rows[1:], reference=rows[:1])
