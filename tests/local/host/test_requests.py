"""What the host makes of requests that browsers and clients do not send: byte by byte, over sockets."""

import http.client
import socket
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.local.host.conftest import RunningHost, World

Shared = tuple[World, RunningHost]


def ask(
    shared: Shared, target: str, *headers: tuple[str, str], body: bytes = b"", method: str = "GET"
) -> httpx.Response:
    """Send a request as it is written here."""
    address = urlsplit(shared[1].url)
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    if "Host" not in dict(headers):
        lines.append(f"Host: {address.netloc}")
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode() + body)
        answer = http.client.HTTPResponse(connection, method=method)
        answer.begin()
        with answer:
            plain = [each for each in answer.getheaders() if each[0] != "transfer-encoding"]
            return httpx.Response(answer.status, headers=plain, content=answer.read())


def arrived(shared: Shared, target: str, *headers: tuple[str, str], **rest: Any) -> dict[str, Any]:
    """Return what reached the function."""
    response = ask(shared, target, *headers, **rest)
    assert response.status_code == 201
    found: dict[str, Any] = response.json()
    return found


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/a/../b", "/b"),
        ("/a/%2e%2e/b", "/b"),
        ("/a/./b", "/a/b"),
        ("/a/b/..", "/a/"),
        ("/../../a", "/a"),
        ("/..%2fetc", "/../etc"),
        ("/segments/a%2Fb", "/segments/a/b"),
        ("/segments/a%252Fb", "/segments/a/b"),
        ("/segments/VIP%20100%25%20%231", "/segments/VIP 100% #1"),
        ("/segments/a//b", "/segments/a//b"),
        ("/a;b=c", "/a"),
        ("/%C3%A9%E6%9D%8E", "/é李"),
    ],
)
def test_a_path_arrives_decoded_and_without_its_dots(
    shared: Shared, target: str, path: str
) -> None:
    found = arrived(shared, target)
    assert (found["path"], found["raw_path"]) == (path, path)


def test_the_query_arrives_as_it_was_sent(shared: Shared) -> None:
    assert arrived(shared, "/a?b=%2F%2e%2E/../+;c&&d=%ff")["query"] == "b=%2F%2e%2E/../+;c&&d=%ff"


@pytest.mark.parametrize("target", ["//a", "//"])
def test_a_path_that_begins_with_two_slashes_is_not_found(shared: Shared, target: str) -> None:
    assert ask(shared, target).status_code == 404


def test_a_byte_that_is_no_letter_fails_in_the_adapter(shared: Shared) -> None:
    assert ask(shared, "/a%FFb").status_code == 500


@pytest.mark.parametrize("target", ["/a%00b", "/é", "http://elsewhere/a", "*"])
def test_what_is_no_path_is_refused_by_the_host(shared: Shared, target: str) -> None:
    assert ask(shared, target).status_code == 400


def test_an_absolute_address_of_the_host_itself_is_its_path(shared: Shared) -> None:
    assert arrived(shared, f"{shared[1].url}/a?b")["path"] == "/a"


def test_a_request_to_an_empty_host_fails(shared: Shared) -> None:
    assert ask(shared, "/a", ("Host", "")).status_code == 500


def test_a_request_line_has_its_limit(shared: Shared) -> None:
    most = 8 * 1024 - len("GET  HTTP/1.1\r\n")
    assert ask(shared, "/" + "a" * (most - 1)).status_code == 201
    assert ask(shared, "/?" + "a" * (most - 2)).status_code == 201
    for target in ("/" + "a" * most, "/?" + "a" * (most - 1), "/" + "a" * 100_000):
        refused = ask(shared, target)
        assert (refused.status_code, refused.headers["connection"]) == (414, "close")


@pytest.mark.parametrize("size", [32 * 1024, 200_000])
def test_headers_have_a_limit_together(shared: Shared, size: int) -> None:
    assert ask(shared, "/a", ("X-One", "1" * 32_000)).status_code == 201
    assert ask(shared, "/a", ("X-One", "1" * size)).status_code == 431


def test_headers_have_a_limit_in_number(shared: Shared) -> None:
    rest = [(f"X-{number}", "1") for number in range(99)]
    assert ask(shared, "/a", *rest).status_code == 201  # and Host
    assert ask(shared, "/a", *rest, ("X-One", "1")).status_code == 431


def test_a_body_over_the_limit_is_a_500_and_the_connection_is_cut(shared: Shared) -> None:
    refused = ask(shared, "/a", ("Content-Length", str(104_857_600 + 1)), method="POST")
    assert (refused.status_code, refused.headers["connection"]) == (500, "close")
    assert refused.content == b""


def test_a_body_without_a_length_arrives_empty(shared: Shared) -> None:
    chunks = b"3\r\nabc\r\n0\r\n\r\n"
    found = arrived(shared, "/a", ("Transfer-Encoding", "chunked"), body=chunks, method="POST")
    assert found["body"] == 0


def test_repeated_headers_are_joined_by_a_comma(shared: Shared) -> None:
    assert arrived(shared, "/a", ("X-One", "1"), ("x-one", "2"))["header"] == "1,2"


def test_the_address_of_the_client_is_what_was_sent(shared: Shared) -> None:
    found = arrived(shared, "/a", ("X-Forwarded-For", "192.0.2.1, 192.0.2.2"))
    assert (found["forwarded"], found["client"]) == ("192.0.2.1, 192.0.2.2", None)
