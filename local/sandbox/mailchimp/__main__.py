"""Serves the sandbox until stopped: ``python -m local.sandbox.mailchimp``."""

from local.sandbox.kit.clock import FastClock
from local.sandbox.kit.command import add_application, parser, run
from local.sandbox.mailchimp.app import create_app
from local.sandbox.mailchimp.state import Account, Sandbox, Tokens


def main() -> None:
    """Read the command line and serve."""
    command = parser("mailchimp", state="the issued tokens", accounts="owner1@example.com")
    add_application(command, "MAILCHIMP")
    command.add_argument(
        "--lean-answers", action="store_true", help="members of three properties, not of 3 kB"
    )
    options = command.parse_args()
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
    run(create_app(sandbox), options)


if __name__ == "__main__":
    main()
