"""ActiveCampaign's file: hosts and keys, and what they open."""

from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.sandbox.activecampaign.settings import Settings
from shared.destinations.activecampaign.destination import ActiveCampaign
from shared.domain.connection import Account
from shared.domain.errors import Culprit, Invalid, NeedsAttention
from tests.contract.destinations.sides import with_the_key
from tests.destinations.activecampaign.sandboxed import ACTIVECAMPAIGN, SUFFIXES, World
from tests.destinations.says import NONSENSE, Says

HOST = "acme.api-us1.com"
KEY = "a" * 72


@pytest.mark.parametrize(
    "typed",
    [
        HOST,
        " ACME.api-us1.com\n",
        "https://acme.api-us1.com",
        "http://acme.api-us1.com/",
        "HTTPS://Acme.Api-US1.com/",
        "acme.api-us1.com.",
    ],
)
def test_a_host_is_kept_in_its_plain_form(typed: str) -> None:
    assert ACTIVECAMPAIGN.auth.endpoint(typed) == HOST


@pytest.mark.parametrize("typed", ["acme.activehosted.com", "a.b-c.api-us1.com", "1.api-us1.com"])
def test_a_host_may_end_in_each_of_the_suffixes(typed: str) -> None:
    assert ACTIVECAMPAIGN.auth.endpoint(typed) == typed


STRANGE_HOSTS = {
    "nothing": "",
    "a name alone": "acme",
    "a suffix alone": "api-us1.com",
    "a suffix with a dot before it": ".api-us1.com",
    "another's": "acme.api-us1.com.evil.test",
    "one that only looks like it": "evil-api-us1.com",
    "another vendor's": "us1.api.mailchimp.com",
    "a port": "acme.api-us1.com:8443",
    "a path": "acme.api-us1.com/api/3",
    "a path to elsewhere": "evil.test/.api-us1.com",
    "a query": "evil.test?.api-us1.com",
    "a fragment": "evil.test#.api-us1.com",
    "a user": "user:pass@acme.api-us1.com",
    "a user that is a host": "evil.test@acme.api-us1.com",
    "a back slash": "evil.test\\.api-us1.com",
    "another scheme": "ftp://acme.api-us1.com",
    "two schemes": "https://https://acme.api-us1.com",
    "an address of this machine": "127.0.0.1",
    "an address of the cloud": "169.254.169.254",
    "an address in one number": "2130706433",
    "an address in hexadecimal": "0x7f000001",
    "an address of IPv6": "[::1]",
    "an address before the suffix and a slash": "127.0.0.1/.api-us1.com",
    "this machine": "localhost",
    "a private name": "vault.internal",
    "another private name": "printer.local",
    "a blank": "ac me.api-us1.com",
    "a line feed": "acme\n.api-us1.com",
    "a NUL": "acme\0.api-us1.com",
    "percent signs": "evil.test%2f.api-us1.com",
    "braces": "{host}.api-us1.com",
    "letters of other scripts": "acmé.api-us1.com",
    "a dot of other scripts": "evil.test。api-us1.com",
    "an empty label": "acme..api-us1.com",
    "a hyphen at the end of a label": "acme-.api-us1.com",
    "too long a label": f"{'a' * 64}.api-us1.com",
    "too long a name": f"{'a.' * 125}api-us1.com",
}


@pytest.mark.parametrize("typed", STRANGE_HOSTS.values(), ids=STRANGE_HOSTS)
def test_what_is_no_host_of_theirs_is_refused_with_what_to_type(typed: str) -> None:
    with pytest.raises(
        Invalid, match=r"ends in one of: \.api-us1\.com, \.activehosted\.com\."
    ) as refused:
        ACTIVECAMPAIGN.auth.endpoint(typed)
    assert refused.value.members == ("host",)


def test_an_organisation_can_allow_other_hosts_and_no_longer_these() -> None:
    custom = ActiveCampaign("https://{host}", ["mail.acme.example"])
    assert custom.auth.endpoint("eu.mail.acme.example") == "eu.mail.acme.example"
    with pytest.raises(Invalid, match=r"ends in one of: \.mail\.acme\.example\."):
        custom.auth.endpoint(HOST)


@settings(max_examples=300)
@given(
    st.one_of(
        st.text(max_size=40).map(lambda text: f"{text}.api-us1.com"),
        st.text("aZ0.-:/@?#\\[]%{} \n", max_size=40).map(lambda text: f"{text}.api-us1.com"),
        st.text("aZ0.-:/@?#\\[]%", max_size=30).map(lambda text: f"https://{text}api-us1.com/"),
    )
)
def test_whatever_is_typed_no_request_goes_to_another_host(typed: str) -> None:
    try:
        host = ACTIVECAMPAIGN.auth.endpoint(typed)
    except Invalid:
        return
    url = httpx.URL(ACTIVECAMPAIGN.base_url(Account(id=host, name="", endpoint=host)))
    assert str(url) == f"https://{url.host}/api/3"
    assert url.host == host
    assert host.endswith(tuple(f".{suffix}" for suffix in SUFFIXES))


def test_a_stored_host_is_checked_again_before_a_request() -> None:
    stored = Account(id="x", name="x", endpoint="evil.test")
    with pytest.raises(Invalid):
        ACTIVECAMPAIGN.base_url(stored)


def test_a_key_goes_into_its_header_without_what_was_copied_with_it() -> None:
    credentials = ACTIVECAMPAIGN.auth.credentials(f" {KEY}\n")
    assert ACTIVECAMPAIGN.auth.headers(credentials) == {"Api-Token": KEY}


@pytest.mark.parametrize(
    "typed", ["", "short", "a" * 513, f"{KEY} {KEY}", f"{KEY}\r\nX-Evil: 1", "ä" * 72, f"{KEY}\0"]
)
def test_what_can_be_no_key_is_refused_and_not_repeated(typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        ACTIVECAMPAIGN.auth.credentials(typed)
    assert refused.value.members == ("api_key",)
    assert str(refused.value) == "This is no API key. Copy it from the Developer settings."


async def test_a_key_opens_the_account_at_its_host() -> None:
    world = World()
    _, account = await with_the_key(
        world.destination, world.http, world.account.api_key, " ACME1.api-us1.com"
    )
    assert account == Account(id="acme1.api-us1.com", name="acme1", endpoint="acme1.api-us1.com")
    await world.destination.check(world.api())


@pytest.mark.parametrize(
    "answer",
    [*NONSENSE, {"user": None}, {"user": []}, {"user": {}}, {"user": "jdoe"}, [{"user": 1}]],
)
async def test_who_is_nobody_is_let_in_nowhere(answer: Any) -> None:
    with pytest.raises(NeedsAttention, match="did not say whose key it is") as halted:
        await ACTIVECAMPAIGN.account(Says(me=answer), {"api_key": KEY}, HOST)
    assert halted.value.culprit is Culprit.CONNECTION


@pytest.mark.parametrize("kind", ["403", "html-200"])
async def test_a_wrong_key_needs_somebody_whether_it_is_refused_or_shown_a_page(kind: Any) -> None:
    world = World()
    world.account.settings = Settings(bad_key=kind)
    with pytest.raises(NeedsAttention) as halted:
        await world.destination.check(world.api(key=KEY))
    assert halted.value.culprit is Culprit.CONNECTION
    assert KEY not in str(halted.value)


async def test_a_key_opens_no_other_account() -> None:
    world = World()
    with pytest.raises(NeedsAttention):
        await world.destination.check(world.api(key=world.account.api_key, number=2))


async def test_a_host_without_an_account_needs_somebody() -> None:
    world = World()
    with pytest.raises(NeedsAttention, match="no such account") as halted:
        await world.destination.check(world.api(host="nobody.api-us1.com"))
    assert halted.value.culprit is Culprit.CONNECTION


def test_each_account_has_a_lane_of_its_own() -> None:
    names = ("acme.api-us1.com", "acme.activehosted.com")
    accounts = [Account(id=name, name="acme", endpoint=name) for name in names]
    assert len({ACTIVECAMPAIGN.lane(each) for each in accounts}) == 2
