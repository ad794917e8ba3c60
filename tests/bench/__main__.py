"""One benchmark with its options, or every one of them as it is, with figures in `.local/bench/NAME.json`."""

import argparse
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from local.processes import ROOT
from tests.bench import (
    api,
    changes,
    connections,
    destinations,
    dialects,
    formats,
    hostile,
    hosts,
    imports,
    refresh,
    small,
    telemetry,
    weather,
)
from tests.bench.results import Results, write

FOLDER = ROOT / ".local" / "bench"


class Benchmark(Protocol):
    """A module that measures something."""

    __doc__: str | None

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add what can be chosen."""

    def run(self, options: argparse.Namespace) -> Results:
        """Measure and print."""


BENCHMARKS: Mapping[str, Benchmark] = {
    "destinations": destinations,
    "connections": connections,
    "weather": weather,
    "changes": changes,
    "api": api,
    "formats": formats,
    "dialects": dialects,
    "refresh": refresh,
    "small": small,
    "hosts": hosts,
    "hostile": hostile,
    "imports": imports,
    "telemetry": telemetry,
}


def main() -> None:
    """Read the command line, and run what it asks for."""
    options = _parser().parse_args()
    if options.bench is None:
        run_each({name: [] for name in BENCHMARKS}, FOLDER)
        return
    results = BENCHMARKS[options.bench].run(options)
    if options.json:
        write(options.json, options.bench, options, results)


def run_each(options: Mapping[str, Sequence[str]], folder: Path) -> None:
    """Run benchmarks with these options, each in a process of its own; exit if one fails."""
    for name, given in options.items():
        file = folder / f"{name}.json"
        command = [sys.executable, "-m", "tests.bench", name, "--json", str(file), *given]
        ended = subprocess.run(command, cwd=ROOT, check=False)  # noqa: S603 - this module
        if ended.returncode:
            sys.exit(ended.returncode)
        print(f"Its figures are in {file}.\n", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    named = parser.add_subparsers(dest="bench", help="all of them if none is named")
    for name, benchmark in BENCHMARKS.items():
        about = (benchmark.__doc__ or "").strip().replace("%", "%%")
        one = named.add_parser(name, help=about.splitlines()[0], description=about)
        benchmark.add_options(one)
        one.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    return parser


if __name__ == "__main__":
    main()
