"""`python -m local.sandbox.activecampaign`: serve the sandbox until stopped."""

import argparse
from pathlib import Path

from local.sandbox.activecampaign.app import create_app
from local.sandbox.activecampaign.courier import with_courier
from local.sandbox.activecampaign.state import Account, Keys, Sandbox
from local.sandbox.clock import FastClock
from local.sandbox.recording import recorded
from local.serving import serve


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m local.sandbox.activecampaign")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True, help="folder of replaced keys")
    parser.add_argument("--accounts", type=int, default=2, help="acme1.api-us1.com and so on")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds per API call")
    parser.add_argument("--clock-speed", type=float, default=1, help="sandbox seconds per second")
    parser.add_argument("--record", type=Path, help="file for what is asked of the API")
    options = parser.parse_args()
    keys = Keys(options.state / "keys.json")
    sandbox = Sandbox(
        clock=FastClock(options.clock_speed),
        accounts={
            number: Account(number, key=keys.of(number))
            for number in range(1, options.accounts + 1)
        },
        keys=keys,
        latency=options.latency,
    )
    app = recorded(create_app(sandbox), options.record)
    serve(with_courier(app, sandbox), port=options.port)


if __name__ == "__main__":
    main()
