"""`python -m local.sandbox.mailchimp`: serve the sandbox until stopped."""

import argparse
import os
from pathlib import Path

from local.sandbox.clock import FastClock
from local.sandbox.mailchimp.app import create_app
from local.sandbox.mailchimp.state import Account, Sandbox, Tokens
from local.sandbox.recording import recorded
from local.serving import serve


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m local.sandbox.mailchimp")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True, help="folder of the issued tokens")
    parser.add_argument("--client-id", default=os.environ.get("MAILCHIMP_CLIENT_ID", "local"))
    parser.add_argument(
        "--client-secret", default=os.environ.get("MAILCHIMP_CLIENT_SECRET", "local-secret")
    )
    parser.add_argument(
        "--redirect-uri",
        action="append",
        default=[],
        help="registered address of the OAuth application, matched exactly; may be repeated",
    )
    parser.add_argument("--accounts", type=int, default=2, help="owner1@example.com and so on")
    # Calls that take no time never overlap in one event loop, and nothing would meet the limit.
    parser.add_argument("--latency", type=float, default=0.05, help="seconds per API call")
    parser.add_argument("--clock-speed", type=float, default=1, help="sandbox seconds per second")
    parser.add_argument(
        "--lean-answers", action="store_true", help="members of three properties, not of 3 kB"
    )
    parser.add_argument("--record", type=Path, help="file for what is asked of the API")
    options = parser.parse_args()
    sandbox = Sandbox(
        clock=FastClock(options.clock_speed),
        client_id=options.client_id,
        client_secret=options.client_secret,
        redirect_uris=tuple(options.redirect_uri),
        accounts={number: Account(number) for number in range(1, options.accounts + 1)},
        tokens=Tokens(options.state / "tokens.json"),
        latency=options.latency,
        lean_answers=options.lean_answers,
    )
    serve(recorded(create_app(sandbox), options.record), port=options.port)


if __name__ == "__main__":
    main()
