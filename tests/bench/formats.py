"""What a whole run costs the engine for each form of segment file: CPU seconds and the most memory.

The run reads, maps, compares, sends to Mailchimp's sandbox without any latency, and settles. Each form
has a process of its own. Beside them stand plain loops over the same CSV file, which make the same
bodies and nothing else, or send them, too (plain.py).

python -m tests.bench formats --rows 1000000
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from shared.segments.formats.registry import FORMATS
from tests.bench import engine, plain
from tests.bench.profiles import write_segment
from tests.bench.results import Results, Row
from tests.segments.memory import peak_mib

_LOOPS = {"plain loop, DictReader": plain.with_names, "plain loop, reader": plain.with_numbers}
_SENDING = "plain loop, reader and socket"
_RATIOS = {
    "times_dict_reader": "÷ DictReader",
    "times_reader": "÷ reader",
    "times_sending": "÷ reader and socket",
}
"""What the figures are called that compare a run with the loops, in their order, and their columns."""

_FORMS = {
    ".csv": "CSV",
    ".quoted.csv": "CSV, each cell quoted",
    ".semicolons.csv": "CSV, semicolons",
    ".escaped.csv": 'CSV, a \\" in each row',
} | {
    extension: each.name
    for extension, each in FORMATS.items()
    if extension.startswith((".csv", ".ndjson", ".parquet"))
}
"""The formats by the end of a file's name; other names are of the same ones."""


type _Taken = tuple[float, float]
"""CPU seconds and the most memory in MiB."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen."""
    parser.add_argument("--rows", type=int, default=1_000_000, help="profiles of each file")
    parser.add_argument("--times", type=int, default=1, help="rounds, of which medians are taken")
    parser.add_argument("--only", choices=_FORMS.values(), help="measure this form and the loops")


def run(options: argparse.Namespace) -> Results:
    """Measure the loops and each form in processes of their own, round by round, and print a table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {form: folder / f"1{extension}" for extension, form in _FORMS.items()}
        if options.only:
            files = {form: files[form] for form in {_FORMS[".csv"], options.only}}
        for file in files.values():
            write_segment(file, options.rows)
        sizes = {form: file.stat().st_size / 2**20 for form, file in files.items()}
        taken: dict[str, list[_Taken]] = defaultdict(list)
        for _ in range(options.times):
            for loop in (*_LOOPS, _SENDING):
                taken[loop].append(alone(folder, files[_FORMS[".csv"]], "--loop", loop))
            for form, file in files.items():
                taken[form].append(alone(folder, file))
    results = _compared(sizes, {name: _median(each) for name, each in taken.items()})
    Console(width=120).print(_table(options.rows, results))
    return results


def main() -> None:
    """Measure one file in this process, and print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.formats")
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--loop", choices=[*_LOOPS, _SENDING], help="measure this loop and no run")
    parser.add_argument("--sandbox", help="the address of Mailchimp's sandbox")
    parser.add_argument("--changed", type=Path, help="measure a second run, with this file")
    print(json.dumps(_measured(parser.parse_args())))


def _measured(options: argparse.Namespace) -> _Taken:
    if options.loop == _SENDING:
        return plain.sending(
            options.file, *asyncio.run(engine.account(options.sandbox))
        ), peak_mib()
    if options.loop:
        return _LOOPS[options.loop](options.file), peak_mib()
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(
            engine.measure(options.sandbox, options.file, Path(folder), options.changed)
        )


def alone(folder: Path, file: Path, *options: str) -> _Taken:
    """Measure in a process of its own, with a sandbox of its own: that keeps whom it was sent."""
    with engine.sandbox(folder) as url:
        command = [sys.executable, "-m", "tests.bench.formats", "--file", str(file)]
        command += ["--sandbox", url, *options]
        answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - this module
    seconds, mib = json.loads(answer.stdout)
    return seconds, mib


def _median(taken: Sequence[_Taken]) -> _Taken:
    """Return the median of the seconds, and the most memory."""
    return statistics.median(seconds for seconds, _ in taken), max(mib for _, mib in taken)


def _compared(sizes: Mapping[str, float], taken: Mapping[str, _Taken]) -> Results:
    """Return the figures of each form, beside those of the loops."""
    loops: list[Row] = []
    forms: list[Row] = []
    for name, (seconds, mib) in taken.items():
        figures = {"cpu_seconds": seconds, "most_memory_mib": mib}
        if name in sizes:
            ratios = [seconds / loop["cpu_seconds"] for loop in loops]
            row = {"form": name, "file_mib": sizes[name], **figures}
            forms.append(row | dict(zip(_RATIOS, ratios, strict=True)))
        else:
            loops.append({"loop": name, **figures})
    return Results(rows=forms, reference=loops)


def _table(rows: int, results: Results) -> Table:
    table = Table(title=f"A run of {rows:,} profiles of nine columns", title_justify="left")
    for column in ("form", "file", "CPU", *_RATIOS.values(), "most memory"):
        table.add_column(column, justify="left" if column == "form" else "right")
    for row in (*results.reference, *results.rows):
        size = f"{row['file_mib']:.1f} MiB" if "form" in row else ""
        ratios = [f"{row[ratio]:.2f}" if ratio in row else "" for ratio in _RATIOS]
        cpu, most = f"{row['cpu_seconds']:.1f} s", f"{row['most_memory_mib']:.0f} MiB"
        table.add_row(row.get("form") or row["loop"], size, cpu, *ratios, most)
    return table


if __name__ == "__main__":
    main()
