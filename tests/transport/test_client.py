"""The authorised calls: usable answers come back, all else is a DestinationError, and nothing leaks."""

import traceback
from collections.abc import AsyncIterator, Callable, Mapping

import httpx
import pytest

from shared.destinations.model import Rate
from shared.domain.errors import (
    DailyQuotaExhausted,
    DestinationError,
    NeedsAttention,
    RateLimited,
    TryLater,
)
from shared.domain.message import say
from shared.transport.authorisation import Fixed
from shared.transport.client import VendorApi, VendorSignIn
from shared.transport.fast_client import ANSWER_SECONDS, open_http
from shared.transport.pace import Pace
from tests.fakes.clock import FakeClock

TOKEN = "planted-token"
SECRET = "planted-secret"

type Answer = Callable[[httpx.Request], httpx.Response]


class Answers(httpx.AsyncBaseTransport):
    """A network on which one function answers everything."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        return self._answer(request)


def nothing_special(_: httpx.Response) -> DestinationError | None:
    return None


def api(answer: Answer) -> VendorApi:
    return VendorApi(
        http=open_http(Answers(answer)),
        destination="acme",
        title="Acme",
        base_url="https://us1.test/3.0",
        authorisation=Fixed({"Authorization": f"Bearer {TOKEN}"}),
        explain=nothing_special,
        pace=Pace(FakeClock()),
    )


def sign_in(answer: Answer) -> VendorSignIn:
    return VendorSignIn(open_http(Answers(answer)), "acme", "Acme", nothing_special)


async def test_a_request_goes_to_the_account_with_its_authorisation() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"ok": True})

    assert await api(answer).post("/lists/a", b'{"members":[]}', {"skip": "true"}) == {"ok": True}
    [request] = seen
    assert str(request.url) == "https://us1.test/3.0/lists/a?skip=true"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["content-type"] == "application/json"
    assert request.content == b'{"members":[]}'


async def test_a_form_is_sent_without_the_authorisation_of_any_account() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=[])

    await sign_in(answer).post_form("https://login.test/token", {"code": "a b"})
    [request] = seen
    assert request.content == b"code=a+b"
    assert "authorization" not in request.headers


@pytest.mark.parametrize(
    "body", [b"<html>Sorry</html>", b"", b"{", b"\xff"], ids=["HTML", "empty", "cut", "binary"]
)
async def test_a_success_that_is_not_data_is_tried_later(body: bytes) -> None:
    with pytest.raises(TryLater, match="answered with something that is not data"):
        await api(lambda _: httpx.Response(200, content=body)).get("/ping")


async def test_a_redirect_is_not_followed_with_our_authorisation() -> None:
    hosts: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        return httpx.Response(302, headers={"Location": "https://evil.test/"})

    with pytest.raises(DestinationError, match="302"):
        await api(answer).get("/ping")
    assert hosts == ["us1.test"]


async def test_a_redirect_to_nowhere_is_an_answer_like_another() -> None:
    nowhere = {"Location": "https://[nonsense/"}
    with pytest.raises(DestinationError, match="302"):
        await api(lambda _: httpx.Response(302, headers=nowhere)).get("/ping")


async def test_what_one_account_is_told_to_remember_no_other_repeats() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, headers={"Set-Cookie": "whose=ours; Path=/"}, json={})

    acme = api(answer)
    await acme.get("/ping")
    await acme.get("/ping")
    assert ["cookie" in request.headers for request in seen] == [False, False]
    assert not acme.http.cookies


async def test_an_answer_is_read_whole_and_its_connection_given_back() -> None:
    body = Pieces(b'{"ok":', b"true}")
    said = await api(lambda _: httpx.Response(200, stream=body)).get("/ping")
    assert said == {"ok": True}
    assert body.closed


async def test_a_connection_is_given_back_also_when_its_answer_breaks_off() -> None:
    body = Pieces(b'{"ok":', httpx.ReadError("reset"))
    with pytest.raises(TryLater):
        await api(lambda _: httpx.Response(200, stream=body)).get("/ping")
    assert body.closed


class Pieces(httpx.AsyncByteStream):
    """A body that comes in pieces, or breaks off."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.closed = False
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def aclose(self) -> None:
        self.closed = True


async def test_a_request_takes_the_time_that_the_client_gives_it() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    await api(answer).get("/ping")
    assert seen[0].extensions["timeout"]["read"] == ANSWER_SECONDS


async def test_an_error_on_the_way_is_tried_later() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("reset")

    with pytest.raises(TryLater):
        await api(answer).get("/ping")


async def test_a_broken_body_is_tried_later() -> None:
    response = httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=Broken())
    with pytest.raises(TryLater):
        await api(lambda _: response).get("/ping")


class Broken(httpx.AsyncByteStream):
    """A body that claims to be compressed."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"not gzip at all"


def test_an_answer_may_take_as_long_as_the_slowest_vendor_takes() -> None:
    timeout = open_http().timeout
    assert timeout.read == ANSWER_SECONDS
    assert ANSWER_SECONDS > 120
    assert timeout.connect is not None
    assert timeout.connect <= 30


def refused(_: httpx.Request) -> httpx.Response:
    return httpx.Response(401, json={"detail": f"Bearer {TOKEN}"})


def unreachable(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no route")


@pytest.mark.parametrize("answer", [refused, unreachable])
async def test_neither_an_api_nor_its_errors_show_a_secret(answer: Answer) -> None:
    acme = api(answer)
    with pytest.raises(DestinationError) as halted:
        await acme.get("/ping")
    with pytest.raises(DestinationError) as form_halted:
        await sign_in(answer).post_form("https://login.test/token", {"client_secret": SECRET})

    shown = [repr(acme), str(acme), repr(acme.explain)]
    for error in (halted.value, form_halted.value):
        shown += [repr(error), *traceback.format_exception(error)]
    assert not [text for text in shown if "planted" in text]


async def test_a_wrong_token_needs_a_sign_in() -> None:
    with pytest.raises(NeedsAttention, match="Sign in again"):
        await api(refused).get("/ping")


class Renewable:
    """An authorisation whose first headers have expired. `renewals` is how often others can be had."""

    def __init__(self, renewals: int = 1) -> None:
        self.given = 0
        self._renewals = renewals

    async def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.given}"}

    async def renew(self, refused: Mapping[str, str]) -> bool:
        assert refused == {"Authorization": f"Bearer {self.given}"}
        if self.given == self._renewals:
            return False
        self.given += 1
        return True


@pytest.mark.parametrize(("renewals", "good", "asked"), [(1, 1, 2), (0, 1, 1), (5, 3, 2)])
async def test_a_401_is_asked_again_once_if_there_is_a_newer_authorisation(
    renewals: int, good: int, asked: int
) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return httpx.Response(200 if seen[-1] == f"Bearer {good}" else 401, json={})

    acme = api(answer)
    acme.authorisation = Renewable(renewals)
    if renewals >= good == 1:
        assert await acme.post("/lists", b"{}") == {}
    else:
        with pytest.raises(NeedsAttention):
            await acme.post("/lists", b"{}")
    assert len(seen) == acme.requests == asked


async def test_an_account_that_goes_on_refusing_is_asked_more_slowly_until_it_answers() -> None:
    statuses = [429] * 3 + [200] * 40
    acme = api(lambda _: httpx.Response(statuses.pop(0), json={}))
    clock = FakeClock()
    acme.pace = Pace(clock)
    shares = []
    for _ in range(3):
        with pytest.raises(RateLimited):
            await acme.get("/ping")
        shares.append(acme.pace.share)
    assert shares == [1, 1, 0.5]
    for _ in range(40):
        clock.advance(1)
        await acme.get("/ping")
    assert acme.pace.share == 1


class Spent:
    """A budget of which nothing is left."""

    async def spend(self) -> None:
        raise DailyQuotaExhausted(say("All 10 requests are used up."))


async def test_nothing_is_sent_when_the_day_is_spent() -> None:
    acme = api(lambda _: httpx.Response(200, json={}))
    acme.budget = Spent()
    with pytest.raises(DailyQuotaExhausted):
        await acme.get("/ping")
    assert acme.requests == 0


async def test_a_read_says_when_it_is_its_turn() -> None:
    clock = FakeClock()
    account = api(lambda _: httpx.Response(200, json={}))
    account.pace = Pace(clock, [Rate(1, 60)])
    began: list[float] = []

    async def begin() -> None:
        began.append(clock.monotonic())

    for _ in range(2):
        await account.get("/lists", begin=begin)
    first, second = began
    assert 60 <= first < 62
    assert second >= 2 * 60
