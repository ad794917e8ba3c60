"""Reads the command line of a sandbox, and serves it until it is stopped."""

import argparse
import os
from pathlib import Path

from starlette.types import ASGIApp

from local.sandbox.kit.recording import recorded
from local.serving import serve


def parser(name: str, *, state: str, accounts: str) -> argparse.ArgumentParser:
    """Return the options of every sandbox; `state` and `accounts` say what these two are."""
    command = argparse.ArgumentParser(prog=f"python -m local.sandbox.{name}")
    command.add_argument("--port", type=int, required=True)
    command.add_argument("--state", type=Path, required=True, help=f"folder of {state}")
    command.add_argument("--accounts", type=int, default=2, help=f"{accounts} and so on")
    # Calls that take no time never overlap in one event loop, and nothing would meet the limit.
    command.add_argument("--latency", type=float, default=0.05, help="seconds per API call")
    command.add_argument("--clock-speed", type=float, default=1, help="sandbox seconds per second")
    command.add_argument("--record", type=Path, help="file for what is asked of the API")
    return command


def add_application(command: argparse.ArgumentParser, prefix: str) -> None:
    """Add the options of the OAuth application, whose variables begin with the prefix."""
    variables = {"--client-id": "local", "--client-secret": "local-secret"}
    for option, default in variables.items():
        variable = f"{prefix}_{option.strip('-').replace('-', '_').upper()}"
        command.add_argument(option, default=os.environ.get(variable, default))
    command.add_argument(
        "--redirect-uri",
        action="append",
        default=[],
        help="registered address of the OAuth application, matched exactly; may be repeated",
    )


def run(app: ASGIApp, options: argparse.Namespace) -> None:
    """Serve a sandbox until stopped, and keep what it is asked if a file is given for it."""
    serve(recorded(app, options.record), port=options.port)
