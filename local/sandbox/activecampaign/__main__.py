"""Serves the sandbox until stopped: ``python -m local.sandbox.activecampaign``."""

from local.sandbox.activecampaign.app import create_app
from local.sandbox.activecampaign.courier import with_courier
from local.sandbox.activecampaign.state import Account, Keys, Sandbox
from local.sandbox.kit.clock import FastClock
from local.sandbox.kit.command import parser, run


def main() -> None:
    """Read the command line and serve."""
    command = parser("activecampaign", state="replaced keys", accounts="acme1.api-us1.com")
    options = command.parse_args()
    keys = Keys(options.state / "keys.json")
    numbers = range(1, options.accounts + 1)
    sandbox = Sandbox(
        clock=FastClock(options.clock_speed),
        accounts={number: Account(number, key=keys.of(number)) for number in numbers},
        keys=keys,
        latency=options.latency,
    )
    run(with_courier(create_app(sandbox), sandbox), options)


if __name__ == "__main__":
    main()
