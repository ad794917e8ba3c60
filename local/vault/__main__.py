"""Serves the vault at https://127.0.0.1:PORT until stopped: ``python -m local.vault``."""

import argparse
from pathlib import Path

from local import certificates
from local.serving import HOST, serve
from local.vault.access import keys_of
from local.vault.app import CREATES, OTHERS, create_app
from local.vault.secrets import Secrets


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m local.vault")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True, help="folder of the secrets")
    parser.add_argument("--issuer", required=True, help="whose tokens to accept (an address)")
    parser.add_argument("--certificates", type=Path, help="default STATE/certificates")
    parser.add_argument("--no-purge", action="store_true", help="as with purge protection")
    parser.add_argument("--creates", type=int, default=CREATES, help="new versions per 10 seconds")
    parser.add_argument("--others", type=int, default=OTHERS, help="other calls per 10 seconds")
    options = parser.parse_args()
    tls = certificates.ensure(options.certificates or options.state / "certificates")
    app = create_app(
        Secrets(options.state / "secrets"),
        url=f"https://{HOST}:{options.port}",
        issuer=options.issuer,
        fetch_keys=keys_of(options.issuer),
        purge=not options.no_purge,
        creates=options.creates,
        others=options.others,
    )
    serve(app, port=options.port, certificate=tls.certificate, key=tls.key)


if __name__ == "__main__":
    main()
