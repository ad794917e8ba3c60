"""ActiveCampaign's file: what errors and pages mean, and the lists and fields of an account."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest

from local.sandbox.activecampaign.settings import Settings
from local.sandbox.activecampaign.state import CustomField
from shared.destinations.activecampaign.answers import ImportRefused
from shared.destinations.model import Field, FieldType, Target
from shared.domain.errors import (
    BatchRefused,
    Culprit,
    DestinationError,
    NeedsAttention,
    RateLimited,
    TryLater,
)
from shared.transport.client import VendorApi
from shared.transport.verdict import understood
from tests.contract.wire import needs_specs, violations
from tests.destinations.activecampaign.sandboxed import ACTIVECAMPAIGN, World
from tests.destinations.says import NONSENSE, Says

IMPORT = httpx.Request("POST", "https://acme.api-us1.com/api/3/import/bulk_import")
NOT_VALID = "JSON payload did not pass validation. Please fix failure Reasons and retry."
TOO_MANY = {
    "success": 0,
    "message": "Rate limit exceeded.",
    "failureReasons": [
        "Up to 100 imports may be requested per minute.Please batch contacts into larger requests, "
        "or retry this request in a minute."
    ],
}
CLOUDFLARE = {"status": 502, "error_name": "origin_bad_gateway", "retryable": True}


def refused(*reasons: Any) -> Mapping[str, Any]:
    return {"success": 0, "message": NOT_VALID, "failureReasons": list(reasons)}


def named(contact: Any) -> Mapping[str, Any]:
    return {"contact": contact, "failureReason": "Field 'email' incorrect format"}


def answer(status: int, body: Any, **headers: str) -> httpx.Response:
    """Return an answer in JSON, or without a body for an Ellipsis."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is ...:
        return httpx.Response(status, headers=given, request=IMPORT)
    return httpx.Response(status, json=body, headers=given, request=IMPORT)


ERRORS: Mapping[str, tuple[int, Any, type[DestinationError] | None, float | None]] = {
    "too many imports": (400, TOO_MANY, RateLimited, 60),
    "too many imports, without reasons": (400, {"message": "Rate Limit Exceeded"}, RateLimited, 60),
    "too many imports, in other words": (400, refused("20 imports per minute"), RateLimited, 60),
    "a bad contact": (400, refused(named(230)), ImportRefused, None),
    "a bad contact, as a text": (400, refused(named("230")), ImportRefused, None),
    "a bad contact among others": (400, refused("No.", 7, {}, named(0)), ImportRefused, None),
    "a bad contact without a number": (400, refused(named(None)), BatchRefused, None),
    "a bad contact of another number": (400, refused(named(-1), named(True)), BatchRefused, None),
    "a bad contact of half a number": (400, refused(named(1.5), named("²")), BatchRefused, None),
    "a huge number": (400, refused(named(10**30)), BatchRefused, None),
    "a bad request": (400, refused("Field 'contacts' is required"), BatchRefused, None),
    "nothing": (400, {}, BatchRefused, None),
    "errors": (400, {"errors": [{"status": 400, "title": "Bad Request"}]}, BatchRefused, None),
    "errors of another shape": (400, {"errors": "no", "failureReasons": {}}, BatchRefused, None),
    "no object": (400, ["Rate limit exceeded."], BatchRefused, None),
    "no body": (400, ..., BatchRefused, None),
    "not let in": (401, {"message": "Unauthorized"}, NeedsAttention, None),
    "forbidden, without a word": (403, ..., NeedsAttention, None),
    "forbidden": (403, {"message": "Forbidden"}, NeedsAttention, None),
    "forbidden, as errors": (403, {"errors": [{"status": 403}]}, NeedsAttention, None),
    "slow": (408, ..., None, None),
    "a wrong field": (
        422,
        {"errors": [{"title": "", "code": "field_missing"}]},
        BatchRefused,
        None,
    ),
    "busy": (429, ..., RateLimited, None),
    "broken": (500, {"message": "Internal Server Error"}, None, None),
    "out of reach": (502, CLOUDFLARE | {"retry_after": 60}, TryLater, 60),
    "out of reach, half a minute": (520, CLOUDFLARE | {"retry_after": 30.5}, TryLater, 30.5),
    "out of reach for ever": (503, CLOUDFLARE, None, None),
    "out of reach for nonsense": (503, CLOUDFLARE | {"retry_after": "soon"}, None, None),
    "out of reach for no time": (504, CLOUDFLARE | {"retry_after": 0}, None, None),
    "out of reach for true": (504, CLOUDFLARE | {"retry_after": True}, None, None),
}


@pytest.mark.parametrize(("status", "body", "kind", "after"), ERRORS.values(), ids=ERRORS)
def test_an_error_is_understood_whatever_its_shape(
    status: int, body: Any, kind: type[DestinationError] | None, after: float | None
) -> None:
    meaning = ACTIVECAMPAIGN.explain(answer(status, body))
    assert type(meaning) is (kind or type(None))
    if isinstance(meaning, TryLater):
        assert meaning.after == after
    if isinstance(meaning, NeedsAttention):
        assert meaning.culprit is Culprit.CONNECTION


def test_contacts_are_named_by_number_with_the_vendors_words() -> None:
    meaning = ACTIVECAMPAIGN.explain(answer(400, refused(named(2), named("7"), "No.")))
    assert isinstance(meaning, ImportRefused)
    words = "Field 'email' incorrect format"
    assert meaning.named == [(2, words), (7, words)]
    assert meaning.account == "https://acme.api-us1.com"
    assert str(meaning) == "ActiveCampaign refused the import for 2 contacts in it."


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("7", 7), ("0", 0), ("", None), ("soon", None), ("-1", None), ("1.5", None), ("²", None)],
)
def test_a_time_that_is_given_is_kept_and_nonsense_is_not(
    given: str, seconds: float | None
) -> None:
    busy = httpx.Response(429, headers=[(b"retry-after", given.encode("latin-1"))])
    meaning = ACTIVECAMPAIGN.explain(busy)
    assert isinstance(meaning, RateLimited)
    assert meaning.after == seconds


def test_a_date_is_no_number_of_seconds() -> None:
    meaning = ACTIVECAMPAIGN.explain(answer(429, ..., retry_after="Wed, 21 Oct 2026 07:28:00 GMT"))
    assert isinstance(meaning, RateLimited)
    assert meaning.after is None


@pytest.mark.parametrize("status", [400, 404, 422, 429, 500, 502])
def test_an_error_that_is_a_page_is_understood(status: int) -> None:
    page = httpx.Response(status, html="<html>\xff Log in</html>", request=IMPORT)
    with pytest.raises(DestinationError) as halted:
        understood("ActiveCampaign", page, ACTIVECAMPAIGN.explain)
    kinds: Mapping[int, type[DestinationError]] = {429: RateLimited, 500: TryLater, 502: TryLater}
    kinds = {404: NeedsAttention, **kinds}
    assert type(halted.value) is kinds.get(status, BatchRefused)


def test_a_refusal_is_told_in_the_vendors_words_and_without_addresses() -> None:
    body = refused("The address ann@example.com is not allowed")
    meaning = ACTIVECAMPAIGN.explain(answer(400, body))
    assert isinstance(meaning, BatchRefused)
    assert meaning.code == "http_400"
    assert str(meaning).endswith(f"{NOT_VALID} The address … is not allowed")
    meaning = ACTIVECAMPAIGN.explain(answer(422, {"errors": [{"title": "T", "detail": "D"}]}))
    assert meaning is not None
    assert str(meaning) == "ActiveCampaign refused the request (422). D"


PAGES: Mapping[str, tuple[str, type[DestinationError]]] = {
    "where people log in": ('<form><input name="user"> Log In</form>', NeedsAttention),
    "where people sign in": ("<h1>Please sign-in</h1>", NeedsAttention),
    "with a password": ('<input type="password">', NeedsAttention),
    "for a while": ("<h1>We will be back soon.</h1>", TryLater),
    "without anything": ("", TryLater),
}


@pytest.mark.parametrize(("page", "kind"), PAGES.values(), ids=PAGES)
def test_a_page_where_data_should_be_is_no_success(page: str, kind: type[DestinationError]) -> None:
    with pytest.raises(DestinationError) as halted:
        understood("ActiveCampaign", httpx.Response(200, html=page), ACTIVECAMPAIGN.explain)
    assert type(halted.value) is kind


def test_data_that_tells_of_logging_in_is_no_page() -> None:
    cut = httpx.Response(200, content=b'{"message":"log in', headers={"content-type": "text/json"})
    with pytest.raises(TryLater):
        understood("ActiveCampaign", cut, ACTIVECAMPAIGN.explain)


class Moved(httpx.AsyncBaseTransport):
    """A network on which everything has moved."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.host)
        return httpx.Response(self.status, headers={"location": "https://evil.test/api/3/users/me"})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_and_needs_somebody(status: int) -> None:
    network = Moved(status)
    world = World()
    async with httpx.AsyncClient(transport=network) as http:
        api: VendorApi = replace(world.api(), http=http)
        with pytest.raises(NeedsAttention, match="has moved") as halted:
            await world.destination.look_up(api, "1")
    assert halted.value.culprit is Culprit.CONNECTION
    assert network.asked == [world.account.host]


async def test_every_list_is_found_however_many_there_are() -> None:
    world = World()
    world.account.lists = {number: f"List {number}" for number in range(1, 251)}
    found = await world.destination.lists(world.api())
    assert [(each.id, each.name) for each in found] == [
        (str(number), f"List {number}") for number in range(1, 251)
    ]
    assert len(world.wire.requests) == 3


def lists(total: Any, held: int, page: int = 100) -> Says:
    """Return an API with so many lists, of which it tells a page at a time, and how many there are."""

    def told(params: Mapping[str, str]) -> Any:
        first = int(params["offset"])
        shown = range(held)[first : first + min(page, int(params["limit"]))]
        meta = {} if total is ... else {"meta": total}
        return {"lists": [{"id": str(number), "name": "L"} for number in shown], **meta}

    return Says(lists=told)


@pytest.mark.parametrize(
    ("says", "found", "asked"),
    [
        (lists({"total": "2"}, 2), 2, 1),
        (lists({"total": 100}, 100), 100, 1),
        (lists({"total": "60"}, 60, page=20), 60, 3),
        (lists(..., 99), 99, 1),
        (lists(..., 100), 100, 2),
        (lists(None, 250), 250, 3),
        (lists({}, 0), 0, 1),
        (lists({"total": "999"}, 3), 3, 2),
    ],
)
async def test_pages_are_asked_for_until_all_are_there(says: Says, found: int, asked: int) -> None:
    assert len(await ACTIVECAMPAIGN.lists(says)) == found
    assert len(says.asked) == asked


@pytest.mark.parametrize(
    "said",
    [
        *NONSENSE,
        {"lists": None},
        {"lists": {}},
        {"lists": [{}]},
        {"lists": [1]},
        {"lists": [{"id": "x", "name": "L"}]},
        {"lists": [], "meta": 7},
        {"lists": [{"id": "1", "name": "L"}], "meta": {"total": "many"}},
    ],
)
async def test_a_listing_that_makes_no_sense_is_tried_later(said: Any) -> None:
    with pytest.raises(TryLater, match="makes no sense"):
        await ACTIVECAMPAIGN.lists(Says(lists=said))


async def test_who_may_not_see_lists_needs_somebody() -> None:
    world = World()
    world.account.settings = Settings(may_view_lists=False)
    for look in (world.destination.lists(world.api()), world.destination.look_up(world.api(), "1")):
        with pytest.raises(NeedsAttention, match="its user may not do this") as halted:
            await look
        assert halted.value.culprit is Culprit.CONNECTION


async def test_a_list_is_looked_up() -> None:
    world = World()
    found = await world.destination.look_up(world.api(), "2")
    assert (found.id, found.name) == ("2", "Members")


async def test_a_list_that_is_not_there_is_named() -> None:
    world = World()
    with pytest.raises(NeedsAttention, match="no list with the ID 7") as halted:
        await world.destination.look_up(world.api(), "7")
    assert halted.value.culprit is Culprit.LIST


@pytest.mark.parametrize("list_id", ["", "../users/me", "1 ", "-1", "1?x", "²", "1" * 19, "1\n"])
async def test_what_can_be_no_id_of_a_list_is_not_even_asked_for(list_id: str) -> None:
    says = Says()
    with pytest.raises(NeedsAttention) as halted:
        await ACTIVECAMPAIGN.look_up(says, list_id)
    assert halted.value.culprit is Culprit.LIST
    assert says.asked == []


async def test_a_page_that_is_not_there_is_not_taken_for_a_missing_list() -> None:
    page = ACTIVECAMPAIGN.explain(httpx.Response(404, html="<h1>Not Found</h1>"))
    assert page is not None
    with pytest.raises(NeedsAttention, match="no such account") as halted:
        await ACTIVECAMPAIGN.look_up(Says(**{"1": page}), "1")
    assert halted.value.culprit is Culprit.CONNECTION


@pytest.mark.parametrize(
    "said", [*NONSENSE, {"list": None}, {"list": {"id": "1"}}, {"list": {"id": "x", "name": "L"}}]
)
async def test_a_list_that_makes_no_sense_is_tried_later(said: Any) -> None:
    with pytest.raises(TryLater, match="makes no sense"):
        await ACTIVECAMPAIGN.look_up(Says(**{"1": said}), "1")


async def test_custom_fields_can_be_mapped_by_their_kind() -> None:
    world = World()
    given = [
        CustomField(11, "Shoe size"),
        CustomField(12, "Notes", "textarea"),
        CustomField(13, "Source", "hidden"),
        CustomField(14, "Last purchase", "date"),
        CustomField(15, "Seen", "datetime"),
        CustomField(16, "Points", "number"),
        CustomField(17, "Spent", "currency"),
        CustomField(18, "Size", "dropdown", ("S", "M")),
        CustomField(19, "Level", "radio", ("Gold", "Silver")),
        CustomField(20, "Interests", "checkbox", ("Chess", "Go")),
        CustomField(21, "Towns", "listbox", ("Bern", "Rome")),
        CustomField(22, "Tags", "multiselect", ("a", "b")),
        CustomField(23, "Shapeless", "dropdown"),
        CustomField(24, "Many and shapeless", "listbox"),
        CustomField(25, "New", "of a kind to come"),
        CustomField(26, "Null", ""),
        *(CustomField(number, f"More {number}") for number in range(100, 200)),
    ]
    world.account.fields = {one.id: one for one in given}
    found = await world.destination.fields_of(world.api(), "1")
    assert [each.name for each in found[:4]] == ["email", "first_name", "last_name", "phone"]
    assert {each.name: each.kind for each in found[4:18]} == {
        "field:11": FieldType.TEXT,
        "field:12": FieldType.TEXT,
        "field:13": FieldType.TEXT,
        "field:14": FieldType.DATE,
        "field:15": FieldType.DATE,
        "field:16": FieldType.NUMBER,
        "field:17": FieldType.NUMBER,
        "field:18": FieldType.CHOICE,
        "field:19": FieldType.CHOICE,
        "field:20": FieldType.CHOICES,
        "field:21": FieldType.CHOICES,
        "field:22": FieldType.CHOICES,
        "field:23": FieldType.TEXT,
        "field:24": FieldType.TEXT,
    }
    assert [each.name for each in found[18:]] == [f"field:{number}" for number in range(100, 200)]
    shown = {each.name: each for each in found}
    assert shown["field:11"] == Field("field:11", "Shoe size", longest=255)
    assert shown["field:18"].choices == ["S", "M"]
    assert shown["field:22"].choices == ["a", "b"]


@pytest.mark.parametrize(
    "options",
    [
        None,
        {},
        "S, M",
        [],
        ["S", "M"],
        [{}],
        [{"id": "1", "label": "S"}],
        [{"field": "3"}],
        [{"field": "3", "value": ""}],
        [{"field": "4", "value": "S"}],
    ],
)
async def test_choices_that_are_told_in_another_way_leave_the_field_a_text(options: Any) -> None:
    size = {"id": "3", "title": "Size", "type": "dropdown"}
    says = Says(fields={"fields": [size], "fieldOptions": options, "meta": {"total": "1"}})
    *_, found = await ACTIVECAMPAIGN.fields_of(says, "1")
    assert found == Field("field:3", "Size", longest=255)


@pytest.mark.parametrize(
    "said",
    [
        *NONSENSE,
        {"fields": None},
        {"fields": [7]},
        {"fields": [{"id": "1", "title": "A"}]},
        {"fields": [{"id": "1", "type": "text"}]},
        {"fields": [{"title": "A", "type": "text"}]},
        {"fields": [{"id": "one", "title": "A", "type": "text"}]},
    ],
)
async def test_custom_fields_that_make_no_sense_are_asked_for_later(said: Any) -> None:
    with pytest.raises(TryLater, match="makes no sense"):
        await ACTIVECAMPAIGN.fields_of(Says(fields=said), "1")


@needs_specs
async def test_what_is_looked_up_keeps_to_the_description() -> None:
    world = World()
    world.account.lists = {number: f"List {number}" for number in range(1, 121)}
    api = world.api()
    assert len(await world.destination.lists(api)) == 120
    await world.destination.encoder(api, Target("1", ["field:1"]))
    assert violations("activecampaign", world.wire.requests) == []
