"""Asks over HTTP whether a server of the local stack is ready."""

import ssl

import httpx

from local.host.config import MASTER_KEY

TIMEOUT_SECONDS = 2.0
# Trusts nobody, for plain HTTP: httpx would read every public root again for each question.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def answers(url: str, trust: ssl.SSLContext = NO_TLS) -> bool:
    """Say whether anything answers there in HTTP, be it with an error."""
    return _get(url, trust) is not None


def healthy(url: str, trust: ssl.SSLContext) -> bool:
    """Say whether it answers 200."""
    response = _get(url, trust)
    return response is not None and response.status_code == 200


def functions(url: str) -> list[str] | None:
    """Name the functions of a functions host at this address; None while it does not answer.

    A host whose app cannot be loaded says that it runs, and has none.
    """
    response = _get(f"{url}/admin/functions?code={MASTER_KEY}")
    if response is None or response.status_code != 200:
        return None
    return [each["name"] for each in response.json()]


def _get(url: str, trust: ssl.SSLContext = NO_TLS) -> httpx.Response | None:
    try:
        # No environment: a proxy that the machine uses must not be asked for 127.0.0.1.
        return httpx.get(url, verify=trust, trust_env=False, timeout=TIMEOUT_SECONDS)
    except httpx.TransportError:
        return None
