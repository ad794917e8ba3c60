"""All benchmarks, or the one that is named, with its options."""

import argparse

from tests.bench import api, destinations

BENCHMARKS = {"destinations": destinations, "api": api}


def main() -> None:
    """Read the command line, and run what it asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    named = parser.add_subparsers(dest="benchmark", help="all of them if none is named")
    for name, benchmark in BENCHMARKS.items():
        about = (benchmark.__doc__ or "").strip()
        benchmark.add_options(named.add_parser(name, help=about, description=about))
    chosen = parser.parse_args().benchmark
    for name in [chosen] if chosen else BENCHMARKS:
        BENCHMARKS[name].run(parser.parse_args(None if chosen else [name]))


if __name__ == "__main__":
    main()
