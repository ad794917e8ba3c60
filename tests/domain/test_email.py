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
    "two hyphens in a row": "ann@my-old--shop.example.com",
    "an international domain in ASCII": "ann@xn--bcher-kva.example",
    "a domain of one letter": "ann@x.com",
    "an international domain": "ann@bücher.example",
    "an international top-level domain": "ann@почта.рф",
    "Chinese characters after the @": "ann@例子.中国",
    "a punycode top-level domain": "ann@example.xn--p1ai",
    "a local part of 64": "a" * 64 + "@example.com",
    "a label of 63": "ann@" + "a" * 63 + ".com",
    "full-width characters after the @": "ann@\uff45xample.com",
    "a full stop of another script": "ann@例子。中国",
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
    "an international domain that is none": "ann@bü_cher.example",
    "an emoji in the domain": "ann@🙂.example",
    "ASCII that means no international domain": "ann@xn--zzzzzz.com",
    "a label that looks like an international one": "ann@ab--cd.com",
    "something invisible in the domain": "ann@exam\u200bple.com",
    "a full-width @": "ann\uff20example.com",
    "a letter that only looks like one of ASCII": "\u212aate@example.com",
    "an international domain that is too long": "ann@" + "ü" * 60 + ".example",
    "a very long one": "ann@" + "ü" * 100_000,
    "a quoted local part": '"ann"@example.com',
    "a comment": "ann(work)@example.com",
    "a name with it": "ann lee <ann@example.com>",
    "two addresses": "ann@example.com,bob@example.com",
    "a local part of 65": "a" * 65 + "@example.com",
    "a label of 64": "ann@" + "a" * 64 + ".com",
    "255 characters": "a" * 64 + "@" + ("b" * 61 + ".") * 3 + "comm",
} | {f"a {mark} in the local part": f"a{mark}b@example.com" for mark in '"(),:;<>[\\]'}


@pytest.mark.parametrize("address", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_an_address_that_a_destination_could_accept_is_one(address: str) -> None:
    assert is_address(normal_form(address))


@pytest.mark.parametrize("address", REFUSED.values(), ids=REFUSED.keys())
def test_what_no_destination_accepts_is_no_address(address: str) -> None:
    assert not is_address(address)
    assert not is_address(normal_form(address)) or address.strip() != address


def test_the_longest_address_of_the_table_has_254_characters() -> None:
    assert len(ACCEPTED["254 characters"]) == 254


@pytest.mark.parametrize(
    "spelling",
    [
        "ANN@Example.COM",
        " ann@example.com\t",
        "Ann@example.com\r",
        "\u00a0ann@example.com\u2003",
        "\ufeffann@example.com",
        "\u200b \u2003ann@example.com\u200d",
        "ann@\uff25XAMPLE.com",
    ],
    ids=ascii,
)
def test_spellings_of_one_address_have_one_normal_form(spelling: str) -> None:
    assert normal_form(spelling) == "ann@example.com"


@pytest.mark.parametrize(
    "spelling",
    [
        " Ann@BÜCHER.Example ",
        "ann@bu\u0308cher.example",  # two characters that are one letter
        "ann@bücher。example",
        "ANN@XN--BCHER-KVA.Example",
    ],
    ids=ascii,
)
def test_an_international_domain_and_its_spelling_in_ascii_are_one(spelling: str) -> None:
    assert normal_form(spelling) == "ann@xn--bcher-kva.example"


@pytest.mark.parametrize("text", ["", "  ", "ann", "jörg@example.com", "ann@bü cher.example", "ü"])
def test_what_is_no_address_comes_back_as_it_was(text: str) -> None:
    assert normal_form(text) == text.strip()


likely = st.text(st.sampled_from(ascii_lowercase[:3] + "0.-@_+ü\n "), max_size=70)
nearly = st.builds(
    "{}@{}.{}".format,
    *(st.text(st.sampled_from("ab0.-"), min_size=1, max_size=size) for size in (70, 70, 4)),
)


@settings(max_examples=300, deadline=None)
@given(likely | nearly)
@example("a" * 64 + "@b.cc")
@example("a@" + "b" * 64 + ".cc")
@example("a@ab--cd.cc")
def test_the_fast_pattern_accepts_nothing_that_the_library_refuses(address: str) -> None:
    slowly = email._TAKEN.fullmatch(address) and email._validated(address)
    assert is_address(address) == bool(slowly)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40) | likely | st.emails())
def test_the_normal_form_of_a_normal_form_is_itself(text: str) -> None:
    assert normal_form(normal_form(text)) == normal_form(text)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40) | likely.map(lambda text: f"ann@{text}.com"))
def test_no_address_has_anything_but_ascii_in_its_normal_form(text: str) -> None:
    address = normal_form(text)
    assert not is_address(address) or (address.isascii() and address == address.lower())
