"""The real host lets nobody past the API without a valid token."""

from collections.abc import Iterator

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.e2e.system import System


@pytest.fixture(scope="module")
def http(system: System) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=system.start_host().url, timeout=60) as client:
        yield client


def operations(http: httpx.Client) -> list[tuple[str, str]]:
    """Return every method and path of the API that the document says to need a token."""
    paths = http.get("/api/openapi.json").raise_for_status().json()["paths"]
    return [
        (method, path)
        for path, operations in paths.items()
        for method, operation in operations.items()
        if operation["security"]
    ]


def tokens(system: System) -> dict[str, str]:
    """Return tokens that must not open anything; each differs from a good one in one thing."""
    good = system.stack.token("administrator")
    claims = jwt.decode(good, options={"verify_signature": False})
    kid = jwt.get_unverified_header(good)["kid"]
    strangers_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return {
        "none": "",
        "nonsense": "nonsense",
        "unsigned": jwt.encode(claims, "", algorithm="none"),
        "of another key": jwt.encode(claims, strangers_key, "RS256", {"kid": kid}),
        "expired": system.stack.token("administrator", hours=-1),
        "changed": good[:-8] + good[-8:].swapcase(),
    }


def test_no_operation_answers_a_caller_without_a_valid_token(
    system: System, http: httpx.Client
) -> None:
    closed = operations(http)
    assert len(closed) > 25
    told = {}
    for what, token in tokens(system).items():
        system.traces.secrets |= {token} - {"", "nonsense"}
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        for method, path in closed if what == "none" else closed[:3]:
            answer = http.request(method, path.replace("{", "").replace("}", ""), headers=headers)
            told[what, method, path] = answer.status_code
            system.traces.problems.append(answer.text)
    assert {case: status for case, status in told.items() if status != 401} == {}


def test_a_valid_token_opens_the_same_door(system: System, http: httpx.Client) -> None:
    token = system.stack.token("viewer")
    system.traces.secrets.add(token)
    answer = http.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["role"]) == (200, "viewer")


def test_a_sign_in_nobody_began_is_refused(system: System, http: httpx.Client) -> None:
    answer = http.get("/api/v1/oauth/callback", params={"state": "made-up", "code": "made-up"})
    assert answer.status_code == 400
