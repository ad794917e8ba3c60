"""What a whole run costs the engine for each form of segment file: CPU seconds and the most memory.

The run reads, maps, compares, sends to Mailchimp's sandbox without any latency, and settles. Each form
has a process of its own. Beside them stand plain loops over the same CSV file, which make the same
bodies and nothing else (plain.py).

python -m tests.bench formats --rows 1000000
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

from shared.segments.formats.registry import FORMATS
from tests.bench import engine, plain
from tests.bench.profiles import write_segment
from tests.bench.results import Results, Row
from tests.segments.memory import peak_mib

_LOOPS = {"plain loop, DictReader": plain.with_names, "plain loop, reader": plain.with_numbers}
_RATIOS = ("times_dict_reader", "times_reader")
_ONCE = {".csv": "CSV", ".quoted.csv": "CSV, each cell quoted"} | {
    extension: each.name for extension, each in FORMATS.items() if "jsonl" not in extension
}
"""The formats by the end of a file's name; .jsonl is another name of NDJSON."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen."""
    parser.add_argument("--rows", type=int, default=1_000_000, help="profiles of each file")
    parser.add_argument("--times", type=int, default=1, help="the least of so many counts")


def run(options: argparse.Namespace) -> Results:
    """Measure each form in a process of its own, and print a table."""
    table, results = _compared(options.rows, options.times)
    Console(width=110).print(table)
    return results


def main() -> None:
    """Measure one file in this process, and print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.formats")
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--loop", choices=_LOOPS, help="measure this loop and no run")
    parser.add_argument("--sandbox", help="the address of Mailchimp's sandbox")
    print(json.dumps(_measured(parser.parse_args())))


def _measured(options: argparse.Namespace) -> Sequence[float]:
    """Return the CPU seconds and the most memory in MiB."""
    if options.loop:
        return _LOOPS[options.loop](options.file), peak_mib()
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(engine.measure(options.sandbox, options.file, Path(folder)))


def _compared(rows: int, times: int) -> tuple[Table, Results]:
    table = Table(title=f"A run of {rows:,} profiles of nine columns", title_justify="left")
    for column in ("form", "file", "CPU", *(f"÷ {loop}" for loop in _LOOPS), "most memory"):
        table.add_column(column, justify="left" if column == "form" else "right")
    loops: list[Row] = []
    formats: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for extension, form in _ONCE.items():
            file = folder / f"1{extension}"
            write_segment(file, rows)
            size = f"{file.stat().st_size / 2**20:.1f} MiB"
            if not loops:  # the first form is CSV, which the loops read
                for loop in _LOOPS:
                    seconds, mib = _least(times, file, "--loop", loop)
                    loops.append({"loop": loop, "cpu_seconds": seconds, "most_memory_mib": mib})
                    table.add_row(loop, size, f"{seconds:.1f} s", "", "", f"{mib:.0f} MiB")
                table.add_section()
            with engine.sandbox(folder) as url:  # one for each form: it keeps whom it was sent
                seconds, mib = _least(times, file, "--sandbox", url)
            row = {"form": form, "file_mib": file.stat().st_size / 2**20}
            row |= {"cpu_seconds": seconds, "most_memory_mib": mib}
            file.unlink()
            ratios = [seconds / loop["cpu_seconds"] for loop in loops]
            formats.append(row | dict(zip(_RATIOS, ratios, strict=True)))
            cells = [f"{ratio:.1f}" for ratio in ratios]
            table.add_row(form, size, f"{seconds:.1f} s", *cells, f"{mib:.0f} MiB")
    return table, Results(rows=formats, reference=loops)


def _least(times: int, file: Path, *options: str) -> tuple[float, float]:
    """Return the least CPU seconds of several processes, and the most memory."""
    taken = [_in_its_own_process(file, *options) for _ in range(times)]
    return min(seconds for seconds, _ in taken), max(mib for _, mib in taken)


def _in_its_own_process(file: Path, *options: str) -> tuple[float, float]:
    command = [sys.executable, "-m", "tests.bench.formats", "--file", str(file), *options]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - this module
    seconds, mib = json.loads(answer.stdout)
    return seconds, mib


if __name__ == "__main__":
    main()
