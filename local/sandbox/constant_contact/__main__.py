"""Serves the sandbox until stopped: ``python -m local.sandbox.constant_contact``."""

from local.sandbox.constant_contact.app import create_app
from local.sandbox.constant_contact.state import Account, Sandbox, Tokens
from local.sandbox.kit.clock import FastClock
from local.sandbox.kit.command import add_application, parser, run


def main() -> None:
    """Read the command line and serve."""
    command = parser("constant_contact", state="the issued tokens", accounts="owner1@example.com")
    add_application(command, "CONSTANT_CONTACT")
    options = command.parse_args()
    sandbox = Sandbox(
        clock=FastClock(options.clock_speed),
        client_id=options.client_id,
        client_secret=options.client_secret,
        redirect_uris=tuple(options.redirect_uri),
        accounts={number: Account(number) for number in range(1, options.accounts + 1)},
        tokens=Tokens(options.state / "tokens.json"),
        latency=options.latency,
    )
    run(create_app(sandbox), options)


if __name__ == "__main__":
    main()
