import codecs
import gzip
import json
import logging
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.domain.reading import Reading, SegmentReading
from shared.exports.schemas import ReadingChoices
from shared.segments.encodings import CODECS, encoding_name
from tests.api.office import Office, pointers
from tests.segments.parquet import parquet

PATH = "/segments/Customers/reading"
NOTHING = {
    "delimiter": None,
    "encoding": None,
    "escape": None,
    "nulls": None,
    "decimal": None,
    "dates": None,
}
WHOLE = {
    "delimiter": ";",
    "encoding": "windows-1252",
    "escape": "backslash",
    "nulls": ["NULL", "#N/A"],
    "decimal": ",",
    "dates": {"Born": "dmy"},
}


async def trail(office: Office, name: str = "Customers") -> list[dict[str, Any]]:
    found = await office.done("GET", "/audit", params={"object": f"segment:{name}"})
    items: list[dict[str, Any]] = found["items"]
    return items


async def test_what_is_said_is_kept_until_it_is_taken_back(office: Office) -> None:
    assert await office.done("GET", PATH) == NOTHING
    assert await office.done("PUT", PATH, WHOLE) == WHOLE
    assert await office.done("GET", PATH) == WHOLE
    assert await office.done("PUT", PATH, {"escape": "doubled"}) == NOTHING | {"escape": "doubled"}
    assert (await office.ask("DELETE", PATH)).status_code == 204
    assert await office.done("GET", PATH) == NOTHING
    assert (await office.ask("DELETE", PATH)).status_code == 204


async def test_a_tab_can_be_named(office: Office) -> None:
    assert (await office.done("PUT", PATH, {"delimiter": "tab"}))["delimiter"] == "\t"
    assert (await office.done("PUT", PATH, {"delimiter": "\t"}))["delimiter"] == "\t"


@pytest.mark.parametrize("name", ["Nobody's #1?", "a" * 1024, "CustomerInsights_x.Weekly.Ärliga"])
async def test_any_name_of_a_segment_can_have_one(office: Office, name: str) -> None:
    path = f"/segments/{name.replace('#', '%23').replace('?', '%3F')}/reading"
    assert (await office.done("PUT", path, WHOLE)) == WHOLE
    assert await office.done("GET", path) == WHOLE
    assert [each["object"]["name"] for each in await trail(office, name)] == [name]


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ({"delimiter": ":"}, "/delimiter"),
        ({"delimiter": ""}, "/delimiter"),
        ({"delimiter": ";;"}, "/delimiter"),
        ({"encoding": "klingon"}, "/encoding"),
        ({"encoding": "replacement"}, "/encoding"),
        ({"encoding": ""}, "/encoding"),
        ({"escape": "caret"}, "/escape"),
        ({"nulls": ["n"] * 11}, "/nulls"),
        ({"nulls": [""]}, "/nulls/0"),
        ({"nulls": "NULL"}, "/nulls"),
        ({"decimal": "'"}, "/decimal"),
        ({"dates": {"Born": "ydm"}}, "/dates/Born"),
        ({"dates": ["Born"]}, "/dates"),
        ({"quote": "'"}, "/quote"),
    ],
    ids=str,
)
async def test_what_no_file_can_be_read_by_is_refused_by_field(
    office: Office, said: dict[str, Any], where: str
) -> None:
    for method, path in (("PUT", PATH), ("POST", f"{PATH}/try")):
        assert pointers(await office.ask(method, path, WHOLE | said)) == [where]
    assert await office.done("GET", PATH) == NOTHING


async def test_an_outdated_etag_stops_a_change(office: Office) -> None:
    async def ask(method: str, body: Any, etag: str) -> tuple[int, str]:
        answer = await office.ask(method, PATH, body, headers={"If-Match": etag})
        return answer.status_code, answer.headers.get("ETag", "")

    nothing = (await office.ask("GET", PATH)).headers["ETag"]
    status, first = await ask("PUT", WHOLE, nothing)
    assert status == 200
    assert (await ask("PUT", {}, nothing))[0] == 412
    assert (await ask("DELETE", None, nothing))[0] == 412
    status, second = await ask("PUT", {"decimal": ","}, first)
    assert (status, first != second) == (200, True)
    assert (await ask("PUT", {"decimal": ","}, second)) == (200, second)
    assert (await ask("DELETE", None, first))[0] == 412
    assert (await ask("DELETE", None, second))[0] == 204
    assert (await ask("PUT", WHOLE, second))[0] == 412
    assert (await ask("PUT", WHOLE, "*"))[0] == 200


async def test_changes_and_trials_are_in_the_trail(office: Office) -> None:
    await office.drop()
    for method, path, said in (
        ("PUT", PATH, {"delimiter": ";"}),
        ("PUT", PATH, {"delimiter": ";"}),
        ("PUT", PATH, {"delimiter": "|"}),
        ("POST", f"{PATH}/try", {"decimal": ","}),
        ("DELETE", PATH, None),
    ):
        office.clock.advance(1)
        await office.done(method, path, said)
    found = [(each["action"], each["before"], each["after"]) for each in await trail(office)]
    assert found == [
        ("reading.removed", {"reading": {"delimiter": "|"}}, {}),
        ("reading.tried", {}, {"reading": {"decimal": ","}}),
        (
            "reading.changed",
            {"reading": {"delimiter": ";"}},
            {"reading": {"delimiter": "|"}},
        ),
        ("reading.changed", {"reading": {}}, {"reading": {"delimiter": ";"}}),
    ]


async def test_contributors_say_it_where_they_manage_every_export_of_the_segment(
    office: Office,
) -> None:
    shared, private = await office.ready(shared_with="contributors"), await office.ready()

    async def answer() -> int:
        return (await office.ask("PUT", PATH, {"decimal": ","}, role="contributor")).status_code

    assert await answer() == 403
    await office.export(shared)
    assert await answer() == 200
    other = await office.export(private)
    refused = await office.ask("PUT", PATH, WHOLE, role="contributor")
    assert refused.status_code == 403
    assert "connection is not shared" in refused.json()["detail"]
    await office.done("POST", f"/exports/{other}/detach")
    assert await answer() == 200


async def test_a_trial_shows_the_first_rows_and_saves_nothing(office: Office) -> None:
    rows = "".join(f"user{n}@example.com,N{n}\n" for n in range(30))
    await office.drop(text=f"EMail,FirstName\n{rows}")
    found = await office.done("POST", f"{PATH}/try", {})
    assert found["columns"] == ["EMail", "FirstName"]
    assert found["rows"] == [[f"user{n}@example.com", f"N{n}"] for n in range(20)]
    assert await office.done("GET", PATH) == NOTHING


async def test_a_trial_shows_what_stands_for_an_empty_cell_as_one(office: Office) -> None:
    await office.drop(text="EMail,FirstName,LastName\nana@example.com,NULL,\\N\n")
    plain = await office.done("POST", f"{PATH}/try", {})
    assert plain["rows"] == [["ana@example.com", "NULL", ""]]
    said = await office.done("POST", f"{PATH}/try", {"nulls": ["NULL"]})
    assert said["rows"] == [["ana@example.com", "", ""]]


async def test_a_trial_logs_no_cell(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await office.drop(text="EMail,FirstName\nana@example.com,Planted\n")
    found = await office.done("POST", f"{PATH}/try", {})
    assert found["rows"] == [["ana@example.com", "Planted"]]
    assert "Planted" not in caplog.text
    assert "ana@example.com" not in caplog.text
    assert "ana@example.com" not in str(await trail(office))


async def test_a_trial_reads_no_more_than_it_shows(office: Office) -> None:
    rows = "".join(f"user{n}@example.com,{'x' * 60_000}\n" for n in range(100))
    await office.drop(text=f"EMail,FirstName\n{rows}")
    found = await office.done("POST", f"{PATH}/try", {})
    assert 1 < len(found["rows"]) < 10


async def test_a_trial_of_a_folder_shows_its_first_file_that_has_rows(office: Office) -> None:
    segments = office.services.storage.segments
    for name, text in (("part-0.csv", ""), ("part-1.csv", "EMail\na@b.cc\n"), ("_SUCCESS", "")):
        await segments.write(f"Customers/day/{name}", text.encode())
    assert (await office.done("POST", f"{PATH}/try", {}))["rows"] == [["a@b.cc"]]


async def test_a_trial_of_ndjson_shows_the_members_that_come_up_first(office: Office) -> None:
    await office.services.storage.segments.write("Customers.ndjson", b'{"a":"1"}\n{"b":2}\n')
    found = await office.done("POST", f"{PATH}/try", {})
    assert found == {"columns": ["a", "b"], "rows": [["1", ""], ["", "2"]], "dialect": None}


async def test_a_trial_shows_cells_as_they_are_taken(office: Office) -> None:
    await office.drop(
        text="EMail;Born;Points;Note\n"
        "ana@example.com; 03/04/2026 ;1.234,5;0701234567\n"
        "bo@example.com;13/13/2026;1.234;1.2\n"
        "cy@example.com;31.12.1990;7;n/a\n"
    )
    said = {"dates": {"Born": "dmy"}, "decimal": ",", "nulls": ["n/a"]}
    assert (await office.done("POST", f"{PATH}/try", said))["rows"] == [
        ["ana@example.com", "2026-04-03", "1234.5", "0701234567"],
        ["bo@example.com", "", "1234", "1.2"],
        ["cy@example.com", "1990-12-31", "7", ""],
    ]
    assert (await office.done("POST", f"{PATH}/try", {}))["rows"][0] == [
        "ana@example.com",
        "03/04/2026",
        "1.234,5",
        "0701234567",
    ]


TYPED: dict[str, Sequence[Any]] = {
    "EMail": ["a@b.cc", "d@e.ff"],
    "Points": [1.234, None],
    "Mark": ["1.234", "12,5"],
}


@pytest.mark.parametrize("packed", [False, True])
async def test_a_trial_of_a_typed_file_keeps_its_numbers_and_reads_its_texts(
    office: Office, packed: bool
) -> None:
    lines = [dict(zip(TYPED, row, strict=True)) for row in zip(*TYPED.values(), strict=True)]
    ndjson = "\n".join(map(json.dumps, lines)).encode()
    files = {
        "Customers/1.parquet": parquet({**TYPED, "Tags": [["x"], []]}),
        "Customers/2.ndjson.gz" if packed else "Customers/2.ndjson": gzip.compress(ndjson)
        if packed
        else ndjson,
    }
    for name, data in files.items():
        office.clock.advance(60)
        await office.services.storage.segments.write(name, data)
        found = await office.done("POST", f"{PATH}/try", {"decimal": ","})
        assert found == {
            "columns": ["EMail", "Points", "Mark"],
            "rows": [["a@b.cc", "1.234", "1234"], ["d@e.ff", "", "12.5"]],
            "dialect": None,
        }


async def test_a_trial_of_packed_text_in_another_encoding(office: Office) -> None:
    text = "EMail|First|\nana@example.com|Åsa|\n"
    data = gzip.compress(text.encode("cp1252"))
    await office.services.storage.segments.write("Customers/1.csv.gz", data)
    refused = await office.ask("POST", f"{PATH}/try", {})
    assert refused.status_code == 409
    found = await office.done("POST", f"{PATH}/try", {"encoding": "windows-1252"})
    assert found["columns"] == ["EMail", "First"]
    assert found["rows"] == [["ana@example.com", "Åsa"]]


async def test_a_trial_of_partitions_shows_the_columns_of_their_folders(office: Office) -> None:
    segments = office.services.storage.segments
    await segments.write("Customers/vip=yes/1.parquet", parquet({"EMail": ["a@b.cc"]}))
    await segments.write("Customers/_SUCCESS", b"")
    found = await office.done("POST", f"{PATH}/try", {})
    assert (found["columns"], found["rows"]) == (["EMail", "vip"], [["a@b.cc", "yes"]])


async def test_a_trial_of_what_customer_insights_exports(office: Office) -> None:
    segments, folder = office.services.storage.segments, "CustomerInsights_x/Weekly"
    entity = {
        "$type": "LocalEntity",
        "name": "High",
        "attributes": [{"name": "EMail", "dataType": "string"}, {"name": "Points"}],
        "partitions": [
            {
                "location": f"https://a.blob.core.windows.net/c/{folder}/High/High_1.csv",
                "fileFormatSettings": {"$type": "CsvFormatSettings", "columnHeaders": False},
            }
        ],
    }
    await segments.write(f"{folder}/High/High_1.csv", b'a@b.cc,"1,5"\n')
    await segments.write(f"{folder}/model.json", json.dumps({"entities": [entity]}).encode())
    path = "/segments/CustomerInsights_x.Weekly.High/reading/try"
    found = await office.done("POST", path, {"decimal": ","})
    assert (found["columns"], found["rows"]) == (["EMail", "Points"], [["a@b.cc", "1.5"]])


async def test_what_cannot_be_tried_says_why(office: Office) -> None:
    async def status() -> int:
        return (await office.ask("POST", f"{PATH}/try", {})).status_code

    assert await status() == 404
    await office.drop(text="")
    assert await status() == 409
    await office.services.storage.segments.write("Customers.parquet", b"PAR1")
    office.clock.advance(60)
    await office.services.storage.segments.write("Customers.parquet", b"PAR1")
    assert await status() == 409


VALID = st.fixed_dictionaries(
    {},
    optional={
        "delimiter": st.sampled_from([",", ";", "\t", "|"]),
        "encoding": st.sampled_from(["utf-8", "windows-1252", "Latin1", "shift_jis", "UTF-16LE"]),
        "escape": st.sampled_from(["doubled", "backslash"]),
        "nulls": st.lists(st.text(min_size=1, max_size=5), max_size=10),
        "decimal": st.sampled_from([".", ","]),
        "dates": st.dictionaries(
            st.text(min_size=1, max_size=5), st.sampled_from(["dmy", "mdy", "ymd"]), max_size=5
        ),
    },
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(VALID)
def test_all_that_can_be_said_is_stored_as_it_was_said(said: dict[str, Any]) -> None:
    reading = ReadingChoices.model_validate(said).as_reading()
    stored = SegmentReading(segment="Customers", reading=reading).model_dump_json()
    again = SegmentReading.model_validate_json(stored).reading
    assert again == reading
    assert again.digest == reading.digest
    given_back = again.model_dump(mode="json", exclude_none=True)
    assert given_back == {name: value for name, value in said.items() if value}


@given(VALID, VALID)
def test_readings_have_one_digest_if_they_are_equal(one: Any, other: Any) -> None:
    first, second = (ReadingChoices.model_validate(said).as_reading() for said in (one, other))
    assert (first == second) == (first.digest == second.digest)


@given(st.dictionaries(st.sampled_from(sorted(WHOLE)), ANYTHING))
def test_nothing_else_becomes_a_reading(said: dict[str, Any]) -> None:
    try:
        reading = ReadingChoices.model_validate(said).as_reading()
    except ValidationError:
        return
    assert reading.delimiter in (None, ",", ";", "\t", "|")
    assert reading.decimal in (None, ".", ",")
    assert reading.encoding is None or codecs.lookup(CODECS[encoding_name(reading.encoding) or ""])
    assert len(reading.nulls or ()) <= 10
    assert all(reading.nulls or ())
    assert Reading.model_validate_json(reading.model_dump_json()) == reading
