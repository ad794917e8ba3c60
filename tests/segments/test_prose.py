"""Whether a text holds rows, or is for people."""

import pytest

from shared.segments.prose import holds_rows, may_be_prose

PROSE = b"Customers of the north\n\nAsk ann@example.com for more.\nMade every night, by the warehouse.\n"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("1.txt", b"EMail\tFirstName\na@x.com\tAnn\n"),
        ("1.txt", b"EMail\na@x.com\nb@x.com\n"),
        ("1.txt", b'"EMail","Note"\n"a@x.com","one\ntwo\nthree"\n'),
        ("1.txt", b"a@x.com\tAnn\nb@x.com\tBo\n"),
        ("1.txt", b"EMail;Name\nAnn Lee <a@x.com>;Ann\n"),
        ("1.txt", b"EMail\tFirstName\n"),
        ("1.txt", "EMail\tFirstName\na@x.com\tÅsa\n".encode("utf-16")),
        ("1.txt", "EMail\tFirstName\na@x.com\tÅsa\n".encode("latin-1")),
        ("1.json", b'{"EMail": "a@x.com"}\n{"EMail": "b@x.com"}\n'),
        ("1.json", b'[{"EMail": "a@x.com"}]'),
        ("1.json", b'\xef\xbb\xbf{"EMail": "a@x.com"}'),
    ],
)
def test_a_text_with_addresses_holds_rows(name: str, data: bytes) -> None:
    assert may_be_prose(f"S/{name}")
    assert holds_rows(f"S/{name}", data, is_whole=True)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("notes.txt", PROSE),
        ("README.txt", b"a@x.com\n"),
        ("licence.txt", b"EMail\tName\n"),
        ("one.txt", b"Done.\n"),
        ("package.json", b'{\n "name": "x",\n "author": "a@x.com"\n}\n'),
        ("schema.json", b'{"columns": ["EMail"]}'),
        ("1.json", b'"a@x.com"\n'),
        ("1.json", b"a@x.com\n"),
        ("1.json", b"[1, 2]"),
        ("1.txt", b"\n\n"),
    ],
)
def test_a_text_for_people_or_tools_holds_none(name: str, data: bytes) -> None:
    assert not holds_rows(f"S/{name}", data, is_whole=True)


def test_of_a_long_text_the_beginning_decides() -> None:
    line = b'{"EMail": "a@x.com", "Note": "%b"}\n' % (b"x" * 100)
    assert holds_rows("1.json", (line * 3)[:-40], is_whole=False)
    assert holds_rows("1.json", line[:60], is_whole=False)


@pytest.mark.parametrize("name", ["1.csv", "1.tsv", "1.ndjson", "1.parquet", "1.txt.gz"])
def test_other_names_say_enough(name: str) -> None:
    assert not may_be_prose(name)
