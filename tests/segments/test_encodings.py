import codecs

import pytest

from shared.segments.encodings import CODECS, encoding_name


@pytest.mark.parametrize("name", CODECS)
def test_python_reads_every_encoding(name: str) -> None:
    assert codecs.lookup(CODECS[name])
    assert encoding_name(name) == encoding_name(f" {name.upper()}\n") == name


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("latin1", "windows-1252"),
        ("ISO-8859-1", "windows-1252"),
        ("us-ascii", "windows-1252"),
        ("UTF8", "utf-8"),
        ("unicode", "utf-16le"),
        ("sjis", "shift_jis"),
        ("ks_c_5601-1987", "euc-kr"),
        ("gb2312", "gbk"),
        ("iso-8859-9", "windows-1254"),
        ("replacement", None),
        ("x-user-defined", None),
        ("cp037", None),
        ("", None),
    ],
)
def test_a_label_means_what_the_list_says(label: str, name: str | None) -> None:
    assert encoding_name(label) == name


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("shift_jis", b"\x87\x40", "①"),
        ("euc-kr", b"\x8c\x63", "똠"),
        ("gbk", b"\x81\x30\x81\x30", "\x80"),
        ("windows-1252", b"\x80", "€"),
        ("macintosh", b"\x8e", "é"),
    ],
)
def test_the_larger_ones_of_the_same_name_are_read(name: str, data: bytes, text: str) -> None:
    assert data.decode(CODECS[name]) == text
