"""Serves a functions app: ``python -m local.host``."""

import argparse
import asyncio
import logging
import sys
from pathlib import Path

from azure.core.exceptions import AzureError

from local.host.config import ConfigError
from local.host.host import Options, serve
from local.host.worker import AppError


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    handler = logging.StreamHandler(sys.stdout)
    line = "%(asctime)s %(levelname)s %(name)s [%(run_id)s] %(message)s"
    handler.setFormatter(logging.Formatter(line, defaults={"run_id": "-"}))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    options = _parser().parse_args(arguments)
    try:
        asyncio.run(
            serve(
                Options(
                    app=options.app.resolve(),
                    port=options.port,
                    grace=options.grace,
                    queue_visibility=options.queue_visibility,
                    blob_scan=options.blob_scan,
                    timer_lease=options.timer_lease,
                )
            )
        )
    except (AppError, ConfigError, OSError, AzureError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.host", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1; 0 picks one")
    parser.add_argument("--app", type=Path, default=Path(), help="folder of function_app.py")
    parser.add_argument(
        "--grace", type=float, default=10, help="seconds that running functions have at a stop"
    )
    parser.add_argument(
        "--queue-visibility",
        type=int,
        default=600,
        help="seconds after which the message of a host that died is visible again",
    )
    parser.add_argument(
        "--blob-scan", type=float, default=1, help="seconds between looks for new blobs"
    )
    parser.add_argument(
        "--timer-lease",
        type=int,
        default=15,
        choices=range(15, 61),
        metavar="SECONDS",
        help="seconds, 15 to 60, after which another host takes a dead host's timers over",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
