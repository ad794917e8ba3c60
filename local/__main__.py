"""Runs the commands of the local stack: ``python -m local``."""

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from azure.core.exceptions import AzureError
from azure.storage.blob import BlobServiceClient

from local import addresses, stack_file
from local.identity import ROLES
from local.processes import StackError
from local.stack import STATE, Stack, token
from local.vendors import VENDORS
from shared.segments.formats.registry import FORMATS
from shared.segments.paths import SUCCESS, PathKind, parse_path


def main() -> int:
    """Run one command; return its exit code."""
    options = _parser().parse_args()
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130  # as a shell says it


def start(options: argparse.Namespace) -> int:
    """Start the stack and keep it running until Ctrl-C, ``stop`` or the end of a process."""
    _interrupt_on(signal.SIGTERM, signal.SIGHUP)
    print("Starting ...", flush=True)
    speed = ["--clock-speed", str(options.clock_speed)]
    with Stack(options.state, sandboxes=dict.fromkeys(addresses.SANDBOXES, speed)) as stack:
        if not options.no_host:
            stack.start_host()
        print(_welcome(stack), flush=True)
        try:
            stack.watch()
        except KeyboardInterrupt:
            print("Stopping ...", flush=True)
    return 0


def stop(options: argparse.Namespace) -> int:
    """End a stack started in another terminal."""
    print("Stopped." if stack_file.stop(options.state) else "Nothing was running.")
    return 0


def env(options: argparse.Namespace) -> int:
    """Print each address and setting of the running stack, for a shell to read."""
    running = _running(options.state)
    urls = {addresses.variable(name): url for name, url in addresses.urls(running.ports).items()}
    for name, value in (urls | running.settings).items():
        print(f"{name}={shlex.quote(value)}")
    return 0


def print_token(options: argparse.Namespace) -> int:
    """Print a bearer token for the running stack."""
    print(token(options.state, _running(options.state).settings, options.role, hours=options.hours))
    return 0


def drop(options: argparse.Namespace) -> int:
    """Put a file, or a folder of part files, into the segments container, as the upstream does."""
    blobs = _blobs(options.file, options.segment)
    storage = _running(options.state).settings["DataStorage"]
    try:
        with BlobServiceClient.from_connection_string(storage) as service:
            for name, file in blobs:
                with file.open("rb") as data:
                    service.get_blob_client("segments", name).upload_blob(data, overwrite=True)
                print(f"Dropped segments/{name}")
    except AzureError as error:
        raise StackError(f"Storage did not take the file: {error}") from error
    return 0


def _blobs(file: Path, segment: str) -> list[tuple[str, Path]]:
    """Return the names and files to drop; what closes a folder comes last."""
    if file.is_dir():
        files = sorted(file.iterdir(), key=lambda each: (each.name == SUCCESS, each.name))
        names = {each: f"{segment}/{file.name}/{each.name}" for each in files if each.is_file()}
        wanted: tuple[PathKind, ...] = (PathKind.PART, PathKind.SUCCESS)
        advice = f"A folder holds files called part-NUMBER, and {SUCCESS}."
    elif file.is_file():
        names = {file: f"{segment}/{file.name}"}
        wanted = (PathKind.FILE,)
        advice = f"One is called SEGMENT/NAME with one of {', '.join(FORMATS)} at its end."
    else:
        raise StackError(f"There is no file {file}.")
    kept = [
        (name, each)
        for each, name in names.items()
        if (parsed := parse_path(name)) and parsed.kind in wanted and parsed.segment == segment
    ]
    if not kept:  # storage would take it, and nothing would come of it
        raise StackError(f"{segment}/{file.name} is no segment file. {advice}")
    return kept


def demonstrate(options: argparse.Namespace) -> int:
    """Run the demo, which starts a stack of its own."""
    from local.demo import demo  # it alone needs rich

    _interrupt_on(signal.SIGTERM, signal.SIGHUP)
    return demo(
        VENDORS[options.destination],
        rows=options.rows,
        clock_speed=options.clock_speed,
        report=options.json,
        state=options.state,
    )


def _running(state: Path) -> stack_file.StackFile:
    running = stack_file.running(state)
    if not running:
        raise StackError("The stack is not running. `make start` starts it.")
    return running


def _interrupt_on(*signals: signal.Signals) -> None:
    # These end a program at once; as KeyboardInterrupt they let it stop the stack first.
    for each in signals:
        signal.signal(each, signal.default_int_handler)


def _welcome(stack: Stack) -> str:
    url = stack.urls
    given = addresses.given(os.environ)
    lines = [
        f"API               {url['api']}/api/v1",
        f"API docs          {url['api']}/api/docs",
        *(f"{vendor.title:<17} {url[name]}/sandbox" for name, vendor in VENDORS.items()),
        f"Storage           {url['blob']} (blobs), {url['queue']} (queues), {url['table']} (tables)",
        f"Logs              {stack.state / 'logs'}",
        f"A token           {sys.executable} -m local token administrator",
        f"Settings          {sys.executable} -m local env",
        *([f"From your environment: {', '.join(given)}"] if given else []),
        "Ctrl-C stops everything.",
    ]
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--state", type=Path, default=STATE, help="folder of the stack's state")
    parser = argparse.ArgumentParser(prog="python -m local", description="The local stack.")
    commands = parser.add_subparsers(required=True)

    def add(name: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        command = commands.add_parser(name, parents=[shared], help=run.__doc__)
        command.set_defaults(run=run)
        return command

    starting = add("start", start)
    starting.add_argument("--no-host", action="store_true", help="leave the functions host to you")
    starting.add_argument(
        "--clock-speed", type=float, default=1, help="sandbox seconds per second, in all sandboxes"
    )
    variables = ", ".join(f"LOCAL_PORT_{name.upper()}" for name in addresses.PORTS)
    starting.epilog = (
        f"These variables fix the ports that are otherwise any free ones: {variables}."
    )
    add("stop", stop)
    add("env", env)
    minting = add("token", print_token)
    minting.add_argument("role", choices=ROLES)
    minting.add_argument("--hours", type=float, default=8.0, help="until it expires")
    dropping = add("drop", drop)
    dropping.add_argument("file", type=Path, help="a segment file, or a folder with _SUCCESS")
    dropping.add_argument("segment", help="name of the segment that it is a version of")
    demo = add("demo", demonstrate)
    demo.add_argument("--destination", choices=VENDORS, default="mailchimp")
    demo.add_argument("--rows", type=int, default=10_000, help="profiles to send")
    demo.add_argument(
        "--clock-speed",
        type=float,
        help="sandbox seconds per second (1, or 20 where there are jobs)",
    )
    demo.add_argument("--json", type=Path, help="file for the figures of the summary")
    return parser


if __name__ == "__main__":
    sys.exit(main())
