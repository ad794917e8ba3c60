"""No text holds the process: what every regular expression costs grows with the length of what it reads.

A pattern that starts anew at every character, or tries what it repeats in several ways, takes the square
of that length or worse, and one cell or one answer then stops everybody. `patterns` finds every pattern of
the product, `hostile` makes texts of what each names.
"""

import ast
import re
import re._constants as steps  # type: ignore[import-not-found] # no stubs: private, pinned by .python-version
import re._parser as parser  # type: ignore[import-not-found] # as above
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache, partial
from heapq import nlargest
from itertools import product
from math import sqrt
from typing import Any

import pytest
from email_validator import EmailNotValidError, validate_email
from starlette.requests import cookie_parser

from shared.api.middleware.limits import MAX_BODY, MAX_HEADERS, MAX_QUERY
from shared.destinations.answers import MOST_OF_A_PAGE
from shared.domain.email import read_address, why_no_address
from shared.invisible import without_invisible
from shared.segments.formats.names import column_name
from shared.segments.formats.rows import MAX_FIELD, MAX_LINE
from shared.telemetry import spans
from shared.transport.fast_client import VENDOR
from tests.structure.hostile import Parts, hostile, text_of
from tests.structure.patterns import UnknownUseError, Used, patterns, patterns_in

ENOUGH = 0.005  # seconds that can be told from noise
_MOST = 3.0  # times as long for twice the text; looked at over two doublings, where noise is less than that
_TRIES = 5
_SHORT = (20, 60)
"""Growing, so that a pattern that takes 2ⁿ steps is found before it is given what it never ends with."""
_FIRST, _SECOND = 200, 1_000
_AFTER_FIRST = 50  # texts
_FAR = 100_000  # whatever takes the square of its length has taken `ENOUGH` long before
_WORST = 2  # texts of each pattern that are made longer
_HELD = 1.0  # seconds that nobody may hold the process

_PATH = 1024  # characters of the name of a blob
_REACHES = {
    "shared.api.field_problems": 1_000,  # the choices of our own schema
    "shared.api.middleware.language": MAX_HEADERS,
    "shared.api.routes": MAX_FIELD,  # of rejects, and bodies of one short member
    "shared.api.middleware.etags": MAX_HEADERS,
    "shared.connections": MAX_QUERY,
    "shared.destinations": VENDOR.bytes,
    "shared.destinations.addresses": 10_000,
    "shared.destinations.activecampaign.answers": MOST_OF_A_PAGE,
    "shared.destinations.contract": 1_000,
    "shared.destinations.encoding": MAX_FIELD,
    "shared.destinations.encoding.dates": 128,
    "shared.destinations.encoding.month_names": 128,
    "shared.destinations.encoding.numbers": 400,
    "shared.destinations.mailchimp.profiles:_BETWEEN_DIGITS": MAX_FIELD,
    "shared.destinations.mailchimp.profiles:_AMERICAN": MAX_FIELD,
    "shared.destinations.model": 2_000,  # what is searched for
    "shared.destinations.activecampaign.profiles": 2_000,
    "shared.destinations.activecampaign.jobs": MAX_BODY,
    "shared.domain.email": 1_000,
    "shared.domain.schedule": MAX_BODY,
    "shared.invisible": MAX_FIELD,
    "shared.runs.reject_pages": 2_000,
    "shared.runs.send.import_callbacks": MAX_QUERY,
    "shared.runs.state.parts": MAX_LINE,  # written by ourselves, some 3 MB
    "shared.segments": _PATH,
    "shared.segments.formats": MAX_LINE,
    "shared.segments.formats.csv.letters": MAX_FIELD,
    "shared.segments.formats.csv.header": MAX_FIELD,
    "shared.segments.model_json": MAX_LINE,
    "shared.segments.prose:_DELIMITERS": MAX_LINE,
    "shared.settings": 10_000,  # set by whoever deploys
    "shared.storage": _PATH,
    "shared.telemetry": MAX_QUERY,
    "shared.transport": MOST_OF_A_PAGE,
}
"""Characters that can reach the patterns of a module; the longest that its place begins with counts."""

_UNBOUNDED = {
    "shared.destinations.encoding.numbers:_LIKE",
    "shared.destinations.encoding.numbers:_SHOWS_POINT",
    "shared.destinations.encoding.values:_taking_typed",
    "shared.domain.email:_PLAIN",
}
"""Of these RE2 reads the same pattern: it cannot hold back what it took, and a bound makes it slow. What is
given to them is measured first, but for values of typed files, which are no longer than a field may be."""


def _validated(text: str) -> None:
    try:
        validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        return


_OTHERS: Sequence[tuple[Used, int]] = [
    (Used(name, re.compile(alike), use=use), longest)
    for name, use, longest, alike in (
        ("column_name", column_name, MAX_LINE, "\u0301|\u0316|\u05b0"),
        ("read_address", read_address, MAX_FIELD, r"<|>|mailto:|\uff20|'|;"),
        ("why_no_address", why_no_address, MAX_FIELD, r"\[|:|;|,|\.\."),
        ("without_invisible", without_invisible, MAX_FIELD, r"\u200b|\u00a0"),
        ("cookie_parser of starlette", cookie_parser, MAX_HEADERS, r"=|;|\\[0-7]|,|\t"),
        (
            "a trace of W3C",
            lambda text: spans._w3c.extract({"traceparent": text}),
            MAX_QUERY,
            "00-|-0",
        ),
    )
]
"""What else is given texts of others: libraries' patterns, and steps that are no pattern."""


@cache
def _all() -> Sequence[Used]:
    return list({(each.where, each.pattern): each for each in patterns()}.values())


def _reach(where: str) -> int:
    return _REACHES[max((each for each in _REACHES if where.startswith(each)), key=len)]


class TooSlowError(Exception):
    """A text takes a pattern far longer than its length allows for."""


def worst(used: Used) -> Sequence[Parts]:
    """Return what takes a pattern longest of all that is hostile to it; raise TooSlowError at once for 2ⁿ."""
    candidates = list(hostile(used.pattern.pattern))
    for length, each in product(_SHORT, candidates):
        text = text_of(each, length)
        if used.seconds(text) >= ENOUGH and _least(used, text) >= ENOUGH:
            raise TooSlowError(f"{used.where}: {each} takes {ENOUGH} s at {length} characters")
    for length, kept in ((_FIRST, _AFTER_FIRST), (_SECOND, _WORST)):
        seconds = {each: used.seconds(text_of(each, length)) for each in candidates}
        candidates = nlargest(kept, candidates, key=seconds.__getitem__)
    return candidates


def _least(used: Used, text: str) -> float:
    return min(used.seconds(text) for _ in range(3))


def growth(used: Used, parts: Parts) -> float:
    """Return how many times as long twice a text takes, at a length that takes long enough to tell."""
    length = _SECOND
    while used.seconds(text_of(parts, length)) < ENOUGH:
        length *= 2
        if length > _FAR:
            return 1.0
    text, longer = text_of(parts, length), text_of(parts, 4 * length)
    for _ in range(_TRIES):
        found = sqrt(used.seconds(longer) / _least(used, text))
        if found <= _MOST:
            break
    return found


def _held(used: Used, parts: Sequence[Parts], longest: int) -> float:
    return max(used.seconds(text_of(each, longest)) for each in parts)


def test_every_pattern_takes_time_that_grows_with_the_text() -> None:
    given = [*((used, _reach(used.where)) for used in _all()), *_OTHERS]
    assert len(given) > 90
    for used, longest in given:
        parts = worst(used)
        for each in parts:
            assert growth(used, each) <= _MOST, (used.where, each)
        held = _held(used, parts, longest)
        if held > _HELD:
            held = min(held, _held(used, parts, longest))
        print(f"{held * 1000:9.2f} ms at {longest:10,} {used.where}")
        assert held <= _HELD, used.where


@pytest.mark.parametrize(
    "quadratic",
    [
        r"\S+@\S+",
        r'[^\s"<>(),:;\[\]]+@[^\s"<>(),:;\[\]]+',
        r"""<input[^>]+type=["']?password""",
        r"[\s\u200b]+$",
        r"(?:\A[ ]*|[ ]*)x",
        r"(a+)+\Z",
        r"(?:a|a)*\Z",
    ],
)
def test_a_pattern_that_takes_longer_is_found(quadratic: str) -> None:
    used = Used("planted", re.compile(quadratic), ("search",))
    # Several times, as finding it may not depend on what else the machine does.
    assert any(_is_too_slow(used) for _ in range(_TRIES))


def _is_too_slow(used: Used) -> bool:
    try:
        return max(growth(used, each) for each in worst(used)) > _MOST
    except TooSlowError:
        return True


def test_sorting_accents_is_found_though_it_is_no_pattern() -> None:
    used = Used("planted", re.compile("\u0301|\u0316"), use=partial(unicodedata.normalize, "NFC"))
    assert any(growth(used, each) > _MOST for _ in range(_TRIES) for each in worst(used))


def _repeated(items: Any) -> Iterator[tuple[bool, int]]:
    """Yield whether each quantifier gives nothing back, and how often it repeats at most."""
    for step, given in items:
        if step in (steps.MAX_REPEAT, steps.MIN_REPEAT, steps.POSSESSIVE_REPEAT):
            yield step is steps.POSSESSIVE_REPEAT, int(given[1])
            yield from _repeated(given[2])
        elif step is steps.SUBPATTERN:
            yield from _repeated(given[3])
        elif step is steps.BRANCH:
            for each in given[1]:
                yield from _repeated(each)
        elif step in (steps.ASSERT, steps.ASSERT_NOT):
            yield from _repeated(given[1])
        elif step is steps.ATOMIC_GROUP:
            yield from _repeated(given)


def _is_unbounded(pattern: re.Pattern[Any]) -> bool:
    parsed = parser.parse(pattern.pattern, pattern.flags)
    return any(most == int(steps.MAXREPEAT) and not kept for kept, most in _repeated(parsed))


def test_every_quantifier_has_a_bound_or_gives_nothing_back() -> None:
    assert {each.where for each in _all() if _is_unbounded(each.pattern)} == _UNBOUNDED


@pytest.mark.parametrize("unbounded", ["a+", "(?:x|(a*))", "(?=a{3,})", "(?>a+?)", "[^a]{0,5}b*"])
def test_a_quantifier_without_a_bound_is_found(unbounded: str) -> None:
    assert _is_unbounded(re.compile(unbounded))


@pytest.mark.parametrize("bounded", ["a{0,9}", "[a*+]", "a++", "(?:ab?)*+", r"\*\+"])
def test_a_bound_is_seen(bounded: str) -> None:
    assert not _is_unbounded(re.compile(bounded))


@pytest.mark.parametrize(
    "planted",
    [
        "import regex",
        "import re as other",
        "from re import compile",
        "def f(x):\n    re.compile(x)",
        "def f(x):\n    re.template('a')",
        "f = map(re.compile, ['a+'])",
        "pattern = getattr(re, 'compile')('a+')",
        "import fnmatch",
        "Other(pattern='a+')",
        "pa.match_substring_regex(x, 'a+')",
    ],
)
def test_a_use_that_could_hide_a_pattern_is_an_error(planted: str) -> None:
    with pytest.raises(UnknownUseError):
        list(patterns_in(ast.parse(planted), "shared.segments.shards", {}))


@pytest.mark.parametrize(
    "planted",
    [
        "A = re.compile('a+')",
        "def f(x):\n    return re.sub('a+', '', x)",
        "def f(x):\n    return re.search('a+', x, flags=re.ASCII)",
        "A = Field(pattern='a+')",
    ],
)
def test_a_planted_pattern_is_found(planted: str) -> None:
    (found,) = patterns_in(ast.parse(planted), "shared.segments.shards", {})
    assert found.pattern.pattern == "a+"
