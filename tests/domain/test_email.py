"""Which addresses are sent, and which are rejects before anything leaves."""

from string import ascii_lowercase

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.domain import email
from shared.domain.email import is_address, normal_form

ACCEPTED = {
    "plain": "ann@example.com",
    "dots in the local part": "ann.lee.jr@example.com",
    "every mark that is allowed": "a!#$%&'*+/=?^_`{|}~-z@example.com",
    "a tag": "ann+news@example.com",
    "digits only": "1@2.com",
    "a hyphen in the domain": "ann@my-shop.example.com",
    "two hyphens in a row": "ann@xn--bcher-kva.example",
    "a domain of one letter": "ann@x.com",
    "an international domain": "ann@bücher.example",
    "an international top-level domain": "ann@почта.рф",
    "Chinese characters after the @": "ann@例子.中国",
    "a punycode top-level domain": "ann@example.xn--p1ai",
    "a local part of 64": "a" * 64 + "@example.com",
    "a label of 63": "ann@" + "a" * 63 + ".com",
    "254 characters": "a" * 64 + "@" + ("b" * 61 + ".") * 3 + "com",
}

REFUSED = {
    "nothing": "",
    "no @": "ann.example.com",
    "only an @": "@",
    "nothing before the @": "@example.com",
    "nothing after the @": "ann@",
    "two @": "ann@lee@example.com",
    "no dot in the domain": "ann@localhost",
    "a dot at the beginning": ".ann@example.com",
    "a dot before the @": "ann.@example.com",
    "two dots in a row": "ann..lee@example.com",
    "two dots in the domain": "ann@example..com",
    "a dot after the @": "ann@.example.com",
    "a dot at the end": "ann@example.com.",
    "a hyphen at the beginning of a label": "ann@-example.com",
    "a hyphen at the end of a label": "ann@example-.com",
    "a top-level domain of one letter": "ann@example.c",
    "a top-level domain of digits": "ann@example.12",
    "an IP address": "ann@192.168.0.1",
    "an IP address in brackets": "ann@[192.168.0.1]",
    "a space inside": "ann lee@example.com",
    "a space before the @": "ann @example.com",
    "a tab": "ann\t@example.com",
    "a line end": "ann@example.com\nbob@example.com",
    "a line end at the end": "ann@example.com\n",
    "a NUL": "ann\0@example.com",
    "an international local part": "jörg@example.com",
    "an underscore in the domain": "ann@my_shop.com",
    "a name with it": "ann lee <ann@example.com>",
    "two addresses": "ann@example.com,bob@example.com",
    "a local part of 65": "a" * 65 + "@example.com",
    "a label of 64": "ann@" + "a" * 64 + ".com",
    "255 characters": "a" * 64 + "@" + ("b" * 61 + ".") * 3 + "comm",
} | {f"a {mark} in the local part": f"a{mark}b@example.com" for mark in '"(),:;<>[\\]'}


@pytest.mark.parametrize("address", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_an_address_that_a_destination_could_accept_is_one(address: str) -> None:
    assert is_address(address)


@pytest.mark.parametrize("address", REFUSED.values(), ids=REFUSED.keys())
def test_what_no_destination_accepts_is_no_address(address: str) -> None:
    assert not is_address(address)


def test_the_longest_address_of_the_table_has_254_characters() -> None:
    assert len(ACCEPTED["254 characters"]) == 254


@pytest.mark.parametrize("spelling", ["ANN@Example.COM", " ann@example.com\t", "Ann@example.com\r"])
def test_spellings_of_one_address_have_one_normal_form(spelling: str) -> None:
    assert normal_form(spelling) == "ann@example.com"


def test_an_international_domain_is_in_lower_case_in_its_normal_form() -> None:
    assert is_address(normal_form(" Ann@BÜCHER.Example "))


likely = st.text(st.sampled_from(ascii_lowercase[:3] + "0.-@_+ü\n "), max_size=70)
nearly = st.builds(
    "{}@{}.{}".format,
    *(st.text(st.sampled_from("ab0.-"), min_size=1, max_size=size) for size in (70, 70, 4)),
)


@settings(max_examples=300, deadline=None)
@given(likely | nearly)
@example("a" * 64 + "@b.cc")
@example("a@" + "b" * 64 + ".cc")
def test_the_fast_pattern_never_accepts_what_the_full_one_refuses(address: str) -> None:
    assert is_address(address) == (email._ADDRESS.fullmatch(address) is not None)


@settings(deadline=None)
@given(st.text(max_size=40))
def test_the_normal_form_of_a_normal_form_is_itself(text: str) -> None:
    assert normal_form(normal_form(text)) == normal_form(text)
