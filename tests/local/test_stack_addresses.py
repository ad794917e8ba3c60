"""The ports and settings of the local stack."""

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from local import addresses, azurite
from local.processes import StackError

PORTS = {name: 9000 + number for number, name in enumerate(addresses.PORTS)}
BUNDLE = Path("bundle.pem")


@pytest.fixture
def busy() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def held() -> Iterator[ExitStack]:
    """What keeps the ports that a test chooses."""
    with ExitStack() as until_the_end:
        yield until_the_end


@pytest.fixture
def unused(held: ExitStack) -> int:
    """A port that nobody listens on."""
    return addresses.free_port(0, held)


def test_every_part_gets_a_port_of_its_own(held: ExitStack) -> None:
    ports = addresses.choose_ports({}, {}, held)
    assert set(ports) == set(addresses.PORTS)
    assert len(set(ports.values())) == len(ports)


def test_a_given_port_is_used(unused: int, held: ExitStack) -> None:
    assert addresses.choose_ports({"LOCAL_PORT_API": str(unused)}, {}, held)["api"] == unused


def test_the_earlier_port_is_kept_while_it_is_free(unused: int, held: ExitStack) -> None:
    assert addresses.choose_ports({}, {"vault": unused}, held)["vault"] == unused


def test_another_port_replaces_an_earlier_one_that_is_taken(busy: int, held: ExitStack) -> None:
    assert addresses.choose_ports({}, {"vault": busy}, held)["vault"] != busy


@pytest.mark.parametrize("given", ["seventy", "70000", "-1"])
def test_a_given_port_that_is_none_is_an_error(given: str, held: ExitStack) -> None:
    with pytest.raises(StackError, match=f"LOCAL_PORT_API={given} cannot be used"):
        addresses.choose_ports({"LOCAL_PORT_API": given}, {}, held)


def test_a_given_port_that_is_taken_is_an_error(busy: int, held: ExitStack) -> None:
    with pytest.raises(StackError, match=f"LOCAL_PORT_API={busy} cannot be used"):
        addresses.choose_ports({"LOCAL_PORT_API": str(busy)}, {}, held)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a port that is held takes no server")
def test_a_chosen_port_is_its_servers_and_nobody_elses_until_the_stack_ends() -> None:
    with ExitStack() as held:
        ports = [addresses.choose_ports({}, {}, held)["api"], addresses.free_port(0, held)]
        for port in ports:
            with socket.socket() as somebody, pytest.raises(OSError, match="in use"):
                somebody.bind(("127.0.0.1", port))
            for _ in range(2):  # a host, and the one that follows it
                socket.create_server(("127.0.0.1", port)).close()
    for port in ports:
        with socket.socket() as somebody:
            somebody.bind(("127.0.0.1", port))


def test_the_settings_point_at_the_local_servers() -> None:
    settings = addresses.settings(PORTS, {}, BUNDLE)
    assert settings["KEY_VAULT_URL"] == f"https://127.0.0.1:{PORTS['vault']}"
    assert settings["AUTH_ISSUER"] == f"http://127.0.0.1:{PORTS['identity']}"
    assert settings["PUBLIC_BASE_URL"] == f"http://127.0.0.1:{PORTS['api']}"
    assert settings["ACTIVECAMPAIGN_URL"] == f"http://127.0.0.1:{PORTS['activecampaign']}/{{host}}"
    for name in ("CONSTANT_CONTACT_LOGIN_URL", "CONSTANT_CONTACT_API_URL"):
        assert settings[name] == f"http://127.0.0.1:{PORTS['constant_contact']}"
    assert f"127.0.0.1:{PORTS['blob']}/devstoreaccount1" in settings["DataStorage"]


def test_a_setting_in_the_environment_wins_over_the_local_one() -> None:
    environ = {"MAILCHIMP_API_URL": "https://{dc}.vendor.example", "PATH": "/bin"}
    settings = addresses.settings(PORTS, environ, BUNDLE)
    assert settings["MAILCHIMP_API_URL"] == "https://{dc}.vendor.example"
    assert settings["MAILCHIMP_LOGIN_URL"].startswith("http://127.0.0.1:")
    assert "PATH" not in settings


def test_an_empty_value_in_the_environment_is_no_setting() -> None:
    settings = addresses.settings(PORTS, {"AUTH_AUDIENCE": ""}, BUNDLE)
    assert settings["AUTH_AUDIENCE"] == addresses.AUDIENCE


def test_the_local_certificates_are_trusted_whatever_the_environment_says() -> None:
    settings = addresses.settings(PORTS, {"SSL_CERT_FILE": "/elsewhere.pem"}, BUNDLE)
    assert settings["SSL_CERT_FILE"] == settings["REQUESTS_CA_BUNDLE"] == str(BUNDLE)


def test_with_an_identity_storage_is_named_by_address_over_tls_and_no_setting_holds_its_key() -> (
    None
):
    settings = addresses.settings(PORTS, {}, BUNDLE, identity=True)
    blobs = f"https://127.0.0.1:{PORTS['blob']}/{azurite.ACCOUNT}"
    assert settings["DataStorage__blobServiceUri"] == blobs
    assert settings["AzureWebJobsStorage__blobServiceUri"] == blobs
    assert azurite.KEY not in str(settings)
    assert azurite.KEY in str(addresses.settings(PORTS, {}, BUNDLE))
