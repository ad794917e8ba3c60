"""Hosts that people type: one of the destination's own, or nobody is asked anything."""

import httpx
import pytest

from tests.api.office import Office, pointers
from tests.api.vendors import Vendors

HOSTS = [
    "localhost",
    "127.0.0.1",
    "2130706433",
    "0x7f.1",
    "[::1]",
    "169.254.169.254",
    "metadata.google.internal",
    "acme.api-us1.com.evil.example",
    "evil.example/.api-us1.com",
    "evil.example#.api-us1.com",
    "evil.example?.api-us1.com",
    "evil.example\\.api-us1.com",
    "user@evil.example:443/.api-us1.com",
    "acme.api-us1.com:8443",
    "acme.api-us1.com/admin",
    "acme@api-us1.com",
    "api-us1.com",
    ".api-us1.com",
    "evilapi-us1.com",
    "acme..api-us1.com",
    "-acme.api-us1.com",
    "acme.api-us1.com\r\nHost: evil.example",
    "acme.api-us1.com\x00",
    "acmé.api-us1.com",
    "acme。api-us1.com",
    "ftp://acme.api-us1.com",
    "https://https://acme.api-us1.com",
    "x" * 260 + ".api-us1.com",
    " ",
    "",
]


@pytest.mark.parametrize("host", HOSTS)
async def test_a_host_that_is_no_account_is_refused_and_never_asked(
    office: Office, host: str
) -> None:
    vendors = Vendors(office)
    key = await vendors.agreed("activecampaign")
    asked: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(200, json={"user": {"username": "x"}})

    vendors.use(httpx.MockTransport(answer))
    refused = await vendors.with_key(key, host=host, api_key="planted-key-0123456789")
    assert pointers(refused) == ["/host"]
    assert asked == []
    assert "evil" not in refused.text


async def test_an_answer_that_leads_elsewhere_is_not_followed(office: Office) -> None:
    vendors = Vendors(office)
    key = await vendors.agreed("activecampaign")
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(302, headers={"Location": "http://169.254.169.254/metadata"})

    vendors.use(httpx.MockTransport(answer))
    host = "acme.api-us1.com"
    refused = await vendors.with_key(key, host=host, api_key="planted-key-0123456789")
    assert refused.is_error
    assert set(asked) == {host}
