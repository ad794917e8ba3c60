"""Errors of any shape mean something: what a destination answers is never trusted to be as documented."""

from collections.abc import Callable
from typing import Any

import httpx
import jwt
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.destinations.activecampaign import answers as activecampaign
from shared.destinations.constant_contact import answers as constant_contact
from shared.destinations.mailchimp import answers as mailchimp
from shared.destinations.oauth2 import expires_at
from shared.domain.errors import DestinationError
from shared.transport.verdict import understood

NAMES = (
    *("detail", "title", "errors", "message", "failureReasons", "contact", "failureReason"),
    *("error", "error_key", "error_message", "retry_after", "field"),
)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text()
BODIES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner),
    max_leaves=12,
)
STATUSES = st.sampled_from([*range(301, 309), *range(400, 432), 451, *range(500, 512), 599])


@pytest.mark.parametrize(
    "explained", [activecampaign.explained, constant_contact.explained, mailchimp.explained]
)
@given(status=STATUSES, body=BODIES, is_json=st.booleans())
def test_an_error_of_any_shape_means_something(
    explained: Callable[[httpx.Response], DestinationError | None],
    status: int,
    body: Any,
    is_json: bool,
) -> None:
    headers = {"Content-Type": "application/json" if is_json else "text/html"}
    request = httpx.Request("POST", "https://acme.test/api/3/import")
    content = orjson.dumps(body)
    answer = httpx.Response(status, headers=headers, content=content, request=request)
    with pytest.raises(DestinationError):
        understood("Acme", answer, explained)


@pytest.mark.parametrize("end", [10**400, 1e300, -1e300, "soon", []])
def test_an_access_token_that_ends_at_no_time_is_used_until_it_is_refused(end: Any) -> None:
    token = jwt.encode({"exp": end}, "k" * 32)
    assert expires_at({"access_token": token}) is None
