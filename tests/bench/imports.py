"""What it costs to load the app: the processor's time that a new instance spends before it works.

Each is measured in processes of their own, on the packages that are deployed and with compiled files, and
set against `import azure.functions`, which no app can avoid: machines differ, the ratio hardly does.
"""

import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from local.processes import ROOT
from tests.deployment.folder import install

BASE = "import azure.functions"
APP = "import function_app"
STEPS = {
    "azure.functions alone": BASE,
    "the app, as the host loads it": APP,
    "and to work on a slice": f"{APP}; import shared.bootstrap, shared.exports.run_slice",
    "and to answer a request": f"{APP}; import shared.bootstrap, shared.api.app",
    "and to send telemetry": f"{APP}; import shared.bootstrap, azure.monitor.opentelemetry",
}
_MEASURE = "import time; begun = time.process_time(); {code}; print(time.process_time() - begun)"


def seconds(code: str, times: int = 5) -> float:
    """Return the processor seconds of running some code in a new process: the least of several."""
    python = [str(Path(sys.base_prefix) / "bin" / "python3.13"), "-S"]
    found = []
    for _ in range(times + 1):  # the first one compiles
        run = subprocess.run(  # noqa: S603 - our own interpreter
            [*python, "-c", _MEASURE.format(code=code)],
            cwd=ROOT,
            env={"PYTHONPATH": str(install())},
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(float(run.stdout))
    return min(found)


def report(console: Console) -> None:
    """Measure each step and print the table."""
    table = Table(title="Loading the app: seconds of the processor, in a new process")
    for column, justify in (("what", "left"), ("ms", "right"), ("÷ azure.functions", "right")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type] # one of rich's words
    base = seconds(BASE)
    for name, code in STEPS.items():
        took = base if code == BASE else seconds(code)
        table.add_row(name, f"{took * 1000:.0f}", f"{took / base:.1f}")
    console.print(table)


if __name__ == "__main__":
    report(Console())
