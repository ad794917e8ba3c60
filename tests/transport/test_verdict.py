"""The one table from HTTP to what happens next, row by row."""

from typing import Any

import httpx
import pytest

from shared.domain.errors import (
    BatchRefused,
    Culprit,
    DestinationError,
    NeedsAttention,
    RateLimited,
    TryLater,
)
from shared.domain.message import say
from shared.transport.verdict import lost, retry_after, understood


def nothing_special(_: httpx.Response) -> DestinationError | None:
    return None


def judged(status: int, **answer: object) -> DestinationError | None:
    given: dict[str, Any] = (
        answer if {"json", "content"} & answer.keys() else {**answer, "json": {}}
    )
    response = httpx.Response(status, **given)
    try:
        understood("Acme", response, nothing_special)
    except DestinationError as halt:
        return halt
    return None


@pytest.mark.parametrize("status", [200, 400, 403, 429, 500])
def test_json_that_is_too_deep_is_no_json(status: int) -> None:
    assert isinstance(judged(status, content=b"[" * 1_000_000), DestinationError)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_success_is_no_halt(status: int) -> None:
    assert judged(status) is None


def test_too_many_requests_are_told_from_other_trouble() -> None:
    assert isinstance(judged(429), RateLimited)
    assert not isinstance(judged(503), RateLimited)


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize("tag", [b'<input type="password">', b"<INPUT name=p TYPE=password>"])
def test_a_sign_in_page_in_place_of_data_needs_a_sign_in(status: int, tag: bytes) -> None:
    halt = judged(status, content=b"<html><form>" + tag + b"</form></html>")
    assert isinstance(halt, NeedsAttention)
    assert halt.culprit is Culprit.CONNECTION


@pytest.mark.parametrize("body", [b"<html>Back soon</html>", b"", b'{"members": [', b"\xff"])
def test_any_other_page_in_place_of_data_is_tried_later(body: bytes) -> None:
    halt = judged(200, content=body)
    assert isinstance(halt, TryLater)
    assert not isinstance(halt, RateLimited)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 599])
def test_a_destination_that_is_busy_or_ill_is_tried_later(status: int) -> None:
    halt = judged(status)
    assert isinstance(halt, TryLater)
    assert halt.after is None
    assert f"({status})" in str(halt)
    assert str(halt).startswith("Acme ")


@pytest.mark.parametrize(("status", "heeded"), [(429, 7.0), (503, 7.0), (500, 7.0), (408, None)])
def test_a_retry_after_is_heeded(status: int, heeded: float | None) -> None:
    halt = judged(status, headers={"Retry-After": "7"})
    assert isinstance(halt, TryLater)
    assert halt.after == heeded


@pytest.mark.parametrize(
    ("status", "culprit"),
    [(401, Culprit.CONNECTION), (403, Culprit.CONNECTION), (404, Culprit.LIST)],
)
def test_what_only_a_person_can_mend_names_the_culprit(status: int, culprit: Culprit) -> None:
    halt = judged(status)
    assert isinstance(halt, NeedsAttention)
    assert halt.culprit is culprit
    assert f"({status})" in str(halt)


@pytest.mark.parametrize("status", [400, 405, 409, 413, 414, 422, 426, 301, 302])
def test_any_other_answer_refuses_the_batch(status: int) -> None:
    halt = judged(status)
    assert isinstance(halt, BatchRefused)
    assert halt.code == f"http_{status}"


def test_a_refusal_has_the_vendors_own_words() -> None:
    halt = judged(400, json={"detail": "Your merge fields were invalid."})
    assert halt is not None
    assert str(halt) == "Acme refused the request (400). Your merge fields were invalid."


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'"no"', b"null", b"\xff\xfe", b'{"title": "no detail"}']
)
def test_a_refusal_without_words_is_one_all_the_same(body: bytes) -> None:
    halt = judged(400, content=body)
    assert isinstance(halt, BatchRefused)
    assert str(halt) == "Acme refused the request (400)."


def test_a_vendor_that_never_stops_talking_is_cut_short() -> None:
    halt = judged(400, json={"detail": "x" * 10_000})
    assert halt is not None
    assert len(str(halt)) < 400


def test_the_destinations_own_exceptions_come_first() -> None:
    def explain(response: httpx.Response) -> DestinationError | None:
        return TryLater(say("special")) if response.status_code == 403 else None

    with pytest.raises(TryLater):
        understood("Acme", httpx.Response(403), explain)
    with pytest.raises(NeedsAttention):
        understood("Acme", httpx.Response(401), explain)
    never_asked = httpx.Response(200, json=[1])
    assert understood("Acme", never_asked, lambda _: TryLater(say("asked"))) == [1]
    with pytest.raises(TryLater, match="asked"):
        understood("Acme", httpx.Response(200, html="<html>"), lambda _: TryLater(say("asked")))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("30", 30),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("1e9", None),
        ("Sat, 21 Nov 2026 09:00:00 GMT", None),
    ],
)
def test_a_retry_after_is_a_whole_number_of_seconds_or_none(
    text: str, seconds: float | None
) -> None:
    assert retry_after(httpx.Response(429, headers={"Retry-After": text})) == seconds


def test_digits_that_are_not_ascii_are_no_number() -> None:
    response = httpx.Response(429, headers=[(b"retry-after", "³".encode("latin-1"))])
    assert retry_after(response) is None


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (httpx.ConnectError("refused"), "Acme could not be reached."),
        (httpx.ConnectTimeout("slow"), "Acme could not be reached."),
        (httpx.ReadTimeout("silent"), "Acme did not answer in time."),
        (httpx.WriteTimeout("slow"), "Acme did not answer in time."),
        (httpx.PoolTimeout("full"), "Acme did not answer in time."),
        (httpx.ReadError("reset"), "The connection to Acme broke before an answer came."),
        (httpx.WriteError("reset"), "The connection to Acme broke before an answer came."),
        (
            httpx.RemoteProtocolError("closed"),
            "The connection to Acme broke before an answer came.",
        ),
        (httpx.DecodingError("gzip"), "The connection to Acme broke before an answer came."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_request_without_an_answer_is_tried_later(error: httpx.RequestError, said: str) -> None:
    halt = lost("Acme", error)
    assert (str(halt), halt.after) == (said, None)
