"""Chooses where the parts of the local stack answer, and makes the settings that lead the product there."""

import secrets
import socket
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from local import azurite
from local.processes import StackError

SANDBOXES = ("mailchimp", "constant_contact", "activecampaign")  # named as the destinations are
STORAGE = ("blob", "queue", "table")
PORTS = ("api", *STORAGE, "vault", "identity", *SANDBOXES)
CALLBACK = "/api/v1/oauth/callback"  # as a vendor's application is registered with
AUDIENCE = "api://segment-exports"
SCOPE = "access_as_user"
CLIENTS = {  # our registrations at the sandboxes where one signs in
    "MAILCHIMP_CLIENT_ID": "local-client",
    "MAILCHIMP_CLIENT_SECRET": "local-client-secret",
    "CONSTANT_CONTACT_CLIENT_ID": "local-client",
    "CONSTANT_CONTACT_CLIENT_SECRET": "local-constant-contact-secret",
}


def choose_ports(
    environ: Mapping[str, str], earlier: Mapping[str, int], held: ExitStack
) -> dict[str, int]:
    """Return a port for each of PORTS: the given one, else the earlier one if free, else any free.

    ``LOCAL_PORT_API=7071`` in the environment gives one. Raises StackError if that one is taken.
    What was chosen is `held` until that closes (see `hold`).
    """
    with ExitStack() as chosen:  # all at once, so that no two get the same
        ports = {name: _choose(name, environ, earlier, chosen) for name in PORTS}
        hold(chosen, held)
    return ports


def free_port(wanted: int, held: ExitStack) -> int:
    """Return the wanted port if it is free, else any that is; it is `held` until that closes."""
    with ExitStack() as chosen:
        port = _bind_or_any(wanted, chosen)
        hold(chosen, held)
    return port


def hold(chosen: ExitStack, held: ExitStack) -> None:
    """Keep the sockets of chosen ports, so that nobody else who asks for any port is given one.

    Another stack may start at the same time, and a server takes a while until it listens. Linux lets
    it listen on a port that a socket is bound to which does not listen; elsewhere all are closed here.
    """
    if sys.platform == "linux":
        held.push(chosen.pop_all())
    else:
        chosen.close()


def _choose(
    name: str, environ: Mapping[str, str], earlier: Mapping[str, int], chosen: ExitStack
) -> int:
    variable = f"LOCAL_PORT_{name.upper()}"
    if given := environ.get(variable):
        try:
            return _bind(int(given), chosen)
        except (OSError, OverflowError, ValueError) as error:
            raise StackError(f"{variable}={given} cannot be used: {error}.") from error
    return _bind_or_any(earlier.get(name, 0), chosen)


def _bind_or_any(wanted: int, chosen: ExitStack) -> int:
    try:
        return _bind(wanted, chosen)
    except OSError:
        return _bind(0, chosen)


def _bind(port: int, chosen: ExitStack) -> int:
    listener = chosen.enter_context(socket.socket())
    # As servers do: a port whose last connections are still in TIME_WAIT is free.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    return int(listener.getsockname()[1])


def urls(ports: Mapping[str, int], *, identity: bool = False) -> dict[str, str]:
    """Return the base URL of each part; storage takes the tokens of an identity over TLS only."""
    tls = {"vault", *STORAGE} if identity else {"vault"}
    return {
        name: f"{'https' if name in tls else 'http'}://127.0.0.1:{port}"
        for name, port in ports.items()
    }


def variable(name: str) -> str:
    """Return what `python -m local env` calls the base URL of a part; no setting has this name."""
    return f"{name.upper()}{'_SANDBOX' if name in SANDBOXES else ''}_URL"


def settings(
    ports: Mapping[str, int], environ: Mapping[str, str], bundle: Path, *, identity: bool = False
) -> dict[str, str]:
    """Return every setting of the product; what the caller's environment says wins.

    With `identity` storage is named by address, as on Azure, and not by a connection string. Not for the
    certificates: without the local authority in the bundle the vault is not trusted.
    """
    # httpx and aiohttp read the first, requests (the synchronous Azure clients) the second.
    trust = {"SSL_CERT_FILE": str(bundle), "REQUESTS_CA_BUNDLE": str(bundle)}
    return _defaults(ports, identity) | given(environ) | trust


def given(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that the caller's environment has, an empty value being none."""
    names = _defaults(dict.fromkeys(PORTS, 0), identity=False)
    return {name: environ[name] for name in names if environ.get(name)}


def by_key(url: Mapping[str, str]) -> str:
    """Return the connection string of the storage emulator at these base URLs."""
    return azurite.connection_string(*(url[service] for service in STORAGE))


def _storage(url: Mapping[str, str], identity: bool) -> dict[str, str]:
    accounts = ("AzureWebJobsStorage", "DataStorage")
    if not identity:
        return dict.fromkeys(accounts, by_key(url))
    return {
        f"{account}__{service}ServiceUri": f"{url[service]}/{azurite.ACCOUNT}"
        for account in accounts
        for service in STORAGE
    }


def _defaults(ports: Mapping[str, int], identity: bool) -> dict[str, str]:
    url = urls(ports, identity=identity)
    return {
        **_storage(url, identity),
        "SEGMENT_EVENTS": "LogsAndContainerScan",  # Azurite sends no Event Grid events
        "KEY_VAULT_URL": url["vault"],
        "LINKED_KEY_VAULT_URL": url["vault"],  # the app lets nobody read its own secrets there
        "AUTH_ISSUER": url["identity"],
        "AUTH_AUDIENCE": AUDIENCE,
        "AUTH_SCOPE": SCOPE,
        "IDENTITY_ENDPOINT": f"{url['identity']}/msi/token",
        "IDENTITY_HEADER": secrets.token_urlsafe(24),
        "PUBLIC_BASE_URL": url["api"],
        "MAILCHIMP_LOGIN_URL": url["mailchimp"],
        "MAILCHIMP_API_URL": url["mailchimp"] + "/{dc}",
        "CONSTANT_CONTACT_LOGIN_URL": url["constant_contact"],
        "CONSTANT_CONTACT_API_URL": url["constant_contact"],
        "ACTIVECAMPAIGN_URL": url["activecampaign"] + "/{host}",
        **CLIENTS,
    }
