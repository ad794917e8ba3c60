"""What a whole run costs the engine for each form of segment file: CPU seconds and the most memory.

The run reads, maps, compares, sends to Mailchimp's sandbox without any latency, and settles. Each form
has a process of its own. Beside them stand plain loops over the same CSV file, which make the same
bodies and nothing else (plain.py).

python -m tests.bench.forms --rows 1000000
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from shared.segments.forms import FORMS
from tests.bench import engine, plain
from tests.bench.profiles import write_segment
from tests.segments.memory import peak_mib

_LOOPS = {"plain loop, DictReader": plain.with_names, "plain loop, reader": plain.with_numbers}
_ONCE = {extension: form.name for extension, form in FORMS.items() if "jsonl" not in extension}
"""The forms by extension; .jsonl is another name of NDJSON."""


def main() -> None:
    """Measure each form in a process of its own, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.forms")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--file", type=Path, help="measure this one and print it as JSON")
    parser.add_argument("--loop", choices=_LOOPS, help="with --file, measure this loop")
    parser.add_argument("--sandbox", help="with --file, the address of Mailchimp's sandbox")
    options = parser.parse_args()
    if options.file:
        print(json.dumps(_measured(options)))
    else:
        Console(width=110).print(_table(options.rows))


def _measured(options: argparse.Namespace) -> Sequence[float]:
    """Return the CPU seconds and the most memory in MiB."""
    if options.loop:
        return _LOOPS[options.loop](options.file), peak_mib()
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(engine.measure(options.sandbox, options.file, Path(folder)))


def _table(rows: int) -> Table:
    table = Table(title=f"A run of {rows:,} profiles of nine columns", title_justify="left")
    for column in ("form", "file", "CPU", *(f"÷ {loop}" for loop in _LOOPS), "most memory"):
        table.add_column(column, justify="left" if column == "form" else "right")
    with tempfile.TemporaryDirectory() as name, engine.sandbox(Path(name)) as url:
        references: list[float] = []
        for extension, form in _ONCE.items():
            file = Path(name) / f"1{extension}"
            write_segment(file, rows)
            size = f"{file.stat().st_size / 2**20:.1f} MiB"
            if not references:  # the first form is CSV, which the loops read
                for loop in _LOOPS:
                    seconds, mib = _in_its_own_process(file, "--loop", loop)
                    references.append(seconds)
                    table.add_row(loop, size, f"{seconds:.1f} s", "", "", f"{mib:.0f} MiB")
                table.add_section()
            seconds, mib = _in_its_own_process(file, "--sandbox", url)
            file.unlink()
            ratios = [f"{seconds / reference:.1f}" for reference in references]
            table.add_row(form, size, f"{seconds:.1f} s", *ratios, f"{mib:.0f} MiB")
    return table


def _in_its_own_process(file: Path, *options: str) -> tuple[float, float]:
    command = [sys.executable, "-m", "tests.bench.forms", "--file", str(file), *options]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - this module
    seconds, mib = json.loads(answer.stdout)
    return seconds, mib


if __name__ == "__main__":
    main()
