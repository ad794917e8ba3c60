"""The plain loops that the engine is compared with: Python's `csv`, orjson, at most a socket, nothing else.

They make the bodies that the engine sends. They check no address, trim and check no value, find no
duplicate, compare with nothing and store nothing; one of them sends.
"""

import csv
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import batched
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import orjson

from shared.destinations.mailchimp.answers import ANSWER_FIELDS
from tests.bench.profiles import COLUMNS, TAGS

_PROFILES = 500  # of a body


def with_names(file: Path) -> float:
    """Return the CPU seconds of the loop that one writes first: `csv.DictReader`, columns by their names."""
    with file.open(encoding="utf-8", newline="") as lines:
        return _measured(
            {
                "email_address": row["Email"],
                "status_if_new": "subscribed",
                "merge_fields": {tag: row[column] for column, tag in TAGS.items()},
            }
            for row in csv.DictReader(lines)
        )


def with_numbers(file: Path) -> float:
    """Return the CPU seconds of the leanest such loop: `csv.reader`, columns by their numbers."""
    with file.open(encoding="utf-8", newline="") as lines:
        return _measured(_members(csv.reader(lines)))


def sending(file: Path, base_url: str, token: str, audience: str) -> float:
    """Return the CPU seconds of the leanest loop that sends, too: requests over a socket, one by one.

    They are those that the engine sends, and each answer is read, but not understood.
    """
    to = urlsplit(base_url)
    head = (
        f"POST {to.path}/lists/{audience}?skip_merge_validation=true&fields={quote(ANSWER_FIELDS)}"
        f" HTTP/1.1\r\nHost: {to.netloc}\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    ).encode()
    with (
        socket.create_connection((to.hostname, to.port)) as connection,
        connection.makefile("rb") as answers,
        file.open(encoding="utf-8", newline="") as lines,
    ):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def send(body: bytes) -> None:
            connection.sendall(b"%b%d\r\n\r\n%b" % (head, len(body), body))
            status, *headers = iter(answers.readline, b"\r\n")
            assert status.split()[1] == b"200", status
            [size] = [each[15:] for each in headers if each.lower().startswith(b"content-length:")]
            assert len(answers.read(int(size))) == int(size)

        return _measured(_members(csv.reader(lines)), send)


def _members(rows: Iterator[list[str]]) -> Iterator[dict[str, Any]]:
    header = next(rows)
    assert header == list(COLUMNS)
    for _, email, first, last, phone, city, country, product, score in rows:
        yield {
            "email_address": email,
            "status_if_new": "subscribed",
            "merge_fields": {
                "FNAME": first,
                "LNAME": last,
                "PHONE": phone,
                "CITY": city,
                "COUNTRY": country,
                "PRODUCT": product,
                "SCORE": score,
            },
        }


def _measured(members: Iterable[dict[str, Any]], use: Callable[[bytes], object] = len) -> float:
    began = time.process_time()
    for batch in batched(members, _PROFILES, strict=False):
        use(orjson.dumps({"members": batch, "update_existing": True}))
    return time.process_time() - began
