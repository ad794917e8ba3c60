"""Addresses in the words of a destination."""

import pytest

from shared.destinations.addresses import addresses_in, without_addresses


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Line 355: Invalid email", []),
        ("ann@shop.example is unsubscribed", ["ann@shop.example"]),
        ("'ann@shop.example'", ["'ann@shop.example'"]),
        ("<ann@shop.example>,bo@shop.example", ["ann@shop.example", "bo@shop.example"]),
        ("mailto:ann@shop.example", ["ann@shop.example"]),
        ("we met @ noon, and a@ or @b is none", []),
        ("", []),
    ],
)
def test_what_stands_around_an_at_is_found(text: str, found: list[str]) -> None:
    assert list(addresses_in(text)) == found


def test_in_what_is_no_sentence_nothing_is_looked_for() -> None:
    assert list(addresses_in("a@b " * 2_500)) == ["a@b"] * 2_500
    assert list(addresses_in("a@b " * 2_501)) == []


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("ann@shop.example is no contact", "… is no contact"),
        ("see (ann@shop.example), or @ noon", "see … or @ noon"),
        ("a@b", "…"),
        ("", ""),
    ],
)
def test_a_word_with_an_address_is_left_out(text: str, left: str) -> None:
    assert without_addresses(text, 100) == left


def test_no_more_than_the_longest_is_kept() -> None:
    assert without_addresses("word " * 1_000, 12) == "word word wo"
    assert without_addresses("a@b " * 1_000, 5) == "… … …"
    assert without_addresses("x" * 1_000_000, 5) == "xxxxx"
