"""Files at random, each beside a plain one that says the same: the same people arrive of both."""

import csv
import gzip
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.reading import Reading
from shared.domain.run import Run, RunStatus
from shared.exports.readings import set_reading
from tests.fakes.people import ADMINISTRATOR
from tests.runs.world import World

TAGS = {"FNAME": "First", "LNAME": "Last", "POINTS": "Points", "PHONE": "Phone", "JOINED": "Joined"}
COLUMNS = ("Email", *TAGS.values())
KINDS = {
    "POINTS": {"type": "number", "name": "Points"},
    "JOINED": {"type": "date", "name": "Joined"},
    "PHONE": {"type": "phone", "name": "Phone"},
}
MAPPED = {
    "email": "Email",
    "first_name": "First",
    "last_name": "Last",
    "POINTS": "Points",
    "phone": "Phone",
    "JOINED": "Joined",
}

type Row = dict[str, str]
type Members = Mapping[str, Mapping[str, str]]

names = st.sampled_from(["", "Ann", "Åsa", 'O"Neil', "von Ölsen", "李小龍", "Lee; Jr.", "a,b"])
filled = st.fixed_dictionaries(
    {
        "First": names,
        "Last": names,
        "Points": st.sampled_from(["", "0", "-5", "12.5", "1234567"]),
        "Phone": st.sampled_from(["", "+46 70-123 45 67", "(555) 010-9999", "0701234567"]),
        "Joined": st.dates().filter(lambda day: day.year >= 1000).map(str) | st.just(""),
    }
)
people = st.lists(filled, min_size=1, max_size=6).map(
    lambda rows: [{"Email": f"p{at}@example.com", **row} for at, row in enumerate(rows)]
)
at_random = settings(max_examples=25, deadline=None)


def plain(rows: Sequence[Row]) -> bytes:
    """Write rows as nothing has to be found out about."""
    text = io.StringIO(newline="")
    cells = ([row[name] for name in COLUMNS] for row in rows)
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *cells])
    return text.getvalue().encode()


async def sent(files: Mapping[str, bytes], reading: Reading | None = None) -> tuple[Members, Run]:
    """Return who arrives of the files of a segment, with what, and the run."""
    world = World()
    world.mailchimp.tags = ("FNAME", "LNAME", *KINDS)
    world.mailchimp.kinds = KINDS
    await world.connect()
    [path, *_] = files
    segment = "CustomerInsights_1.S.High" if path.startswith("Customer") else path.split("/")[0]
    await world.export(segments=[segment], fields=MAPPED)
    if reading:
        await set_reading(world.services, ADMINISTRATOR, segment, None, reading)
    for path, data in files.items():
        await world.drop(data, path)
    world.clock.advance(601)
    run = await world.run()
    return world.mailchimp.members, run


async def same(
    rows: Sequence[Row], files: Mapping[str, bytes], reading: Reading | None = None
) -> Run:
    """Say that of these files the same people arrive as of rows written plainly."""
    expected, _ = await sent({"S/1.csv": plain(rows)})
    members, run = await sent(files, reading)
    assert run.status is RunStatus.SUCCESSFUL, run.reason
    assert members == expected
    assert len(members) == len(rows)
    return run


@at_random
@given(people, st.data())
async def test_members_of_ndjson_that_are_missing_are_empty(
    rows: list[Row], data: st.DataObject
) -> None:
    whole = {"Email": "whole@example.com", **dict.fromkeys(TAGS.values(), "")}
    lines: list[Mapping[str, str | None]] = [{**whole, "First": None}]
    for row in rows:
        gone = data.draw(st.sets(st.sampled_from(COLUMNS[1:])))
        lines.append({name: cell for name, cell in row.items() if cell or name not in gone})
    order = data.draw(st.permutations(lines))
    written = "\n".join(json.dumps(line, ensure_ascii=data.draw(st.booleans())) for line in order)
    name = data.draw(st.sampled_from(["1.ndjson", "1.jsonl", "1.json", "1.json.gz"]))
    content = written.encode()
    await same(
        [whole, *rows], {f"S/{name}": gzip.compress(content) if name.endswith("gz") else content}
    )


BEFORE = ("", " ", "\t", "'", "\ufeff", "\u200b", "\u00a0", "mailto:", "MAILTO:", "<", "\u2060 ")
BEHIND = ("", " ", ";", ".", ",", "\u200b", "\u00ad", "\u3000", "\u200e")
WIDE = "".join(chr(ord(letter) + 0xFEE0) for letter in "example")
HIDDEN = ("\u200b", "\u00ad", "\u2060", "\ufe0f", "\u200d", "\x7f")


@at_random
@given(people, st.data())
async def test_addresses_arrive_without_what_people_write_around_them(
    rows: list[Row], data: st.DataObject
) -> None:
    written: list[Row] = []
    for row in rows:
        address = row["Email"]
        form = data.draw(st.sampled_from(["as it is", "name", "brackets", "hidden", "script"]))
        match form:
            case "name":
                name = data.draw(st.sampled_from(["Ann", "Ann Lee", '"Lee, Ann"', "Åsa Öberg"]))
                address = f"{name} <{address}>"
            case "brackets":
                address = data.draw(
                    st.sampled_from(["<{}>", "({})", "[{}]", '"{}"', "'{}'"])
                ).format(address)
            case "hidden":
                at = data.draw(st.integers(0, len(address)))
                address = address[:at] + data.draw(st.sampled_from(HIDDEN)) + address[at:]
            case "script":
                address = address.upper().replace("EXAMPLE", WIDE)
            case _:
                before = data.draw(st.sampled_from(BEFORE))
                behind = data.draw(st.sampled_from(BEHIND))
                address = f"{before}{address}{'>' if before == '<' else ''}{behind}"
        written.append({**row, "Email": address})
    await same(rows, {"S/1.csv": plain(written)})


@at_random
@given(people, st.data())
async def test_phones_arrive_without_what_is_not_theirs(
    rows: list[Row], data: st.DataObject
) -> None:
    written: list[Row] = []
    for row in rows:
        phone = row["Phone"]
        if phone:
            before = data.draw(st.sampled_from(["", "tel:", "TEL:", "tel: ", "'", " ", "\u202d"]))
            behind = data.draw(st.sampled_from(["", " ", "\u202c", "\u200b", "\u00a0"]))
            at = data.draw(st.integers(0, len(phone)))
            hidden = data.draw(st.sampled_from(["", "\u200e", "\u2060", "\u00ad"]))
            phone = before + phone[:at] + hidden + phone[at:] + behind
        written.append({**row, "Phone": phone})
    await same(rows, {"S/1.csv": plain(written)})


@at_random
@given(people, st.data(), st.sampled_from(["4.67E+10", "5,55E+09", "1e10", "n/a", "none", "-"]))
async def test_a_bad_optional_cell_costs_the_cell_and_is_noted(
    rows: list[Row], data: st.DataObject, phone: str
) -> None:
    bad = {
        "Points": st.sampled_from(["many", "12 %", "$5", "1.2.3.4", "=1+1"]),
        "Phone": st.just(phone),
        "Joined": st.sampled_from(["soon", "45000", "24/12/26", "0001-01-01", "2026-02-30"]),
    }
    written: list[Row] = []
    left: list[Row] = []
    spoiled = 0
    for row in rows:
        columns = data.draw(st.sets(st.sampled_from(list(bad))))
        spoiled += len(columns)
        written.append({**row, **{name: data.draw(bad[name]) for name in columns}})
        left.append({**row, **dict.fromkeys(columns, "")})
    run = await same(left, {"S/1.csv": plain(written)})
    said = [
        str(event.text).split(" ")[0] for event in run.timeline if "left out" in str(event.text)
    ]
    assert sum(map(int, said)) == spoiled


@at_random
@given(people, st.data())
async def test_words_for_nothing_are_nothing_where_the_reading_says_so(
    rows: list[Row], data: st.DataObject
) -> None:
    nulls = data.draw(
        st.lists(
            st.sampled_from(["NULL", "(null)", "NaN", "NaT", "#N/A", "None", "-", "NA"]),
            min_size=1,
            unique=True,
        )
    )
    words = st.sampled_from([*nulls, "\\N", ""])
    written = [{name: cell or data.draw(words) for name, cell in row.items()} for row in rows]
    run = await same(rows, {"S/1.csv": plain(written)}, Reading(nulls=nulls))
    assert not any("left out" in str(event.text) for event in run.timeline)


NUMBERS = {"-5": "\u22125", "12.5": "12,5", "1234567": "1\u00a0234\u202f567"}


@at_random
@given(people)
async def test_numbers_with_decimal_commas_arrive_as_with_points(rows: list[Row]) -> None:
    rows = [*rows, {**rows[0], "Email": "shown@example.com", "Points": "12.5"}]
    written = [{**row, "Points": NUMBERS.get(row["Points"], row["Points"])} for row in rows]
    await same(rows, {"S/1.csv": plain(written)})


BESIDE: Mapping[str, bytes] = {
    "README.txt": b"This folder has the people.\nAsk Ann about it.\n",
    "schema.sql": b"create table people (email text);\n",
    "people.xlsx": b"PK\x03\x04" + b"\0" * 60,
    "people.avro": b"Obj\x01" + b"\0" * 60,
    "people.csv.md5": b"d41d8cd98f00b204e9800998ecf8427e  1.csv\n",
    "notes.pdf": b"%PDF-1.7\n",
    "people.csv.bz2": b"BZh91AY&SY" + b"\0" * 60,
    "log.json": b"[]",
    "empty.csv": b"",
    "_tmp.csv.crc": b"crc\0",
}


@at_random
@given(people, st.sets(st.sampled_from(sorted(BESIDE)), min_size=1), st.booleans())
async def test_what_is_no_rows_never_takes_the_place_of_what_is(
    rows: list[Row], beside: set[str], is_behind: bool
) -> None:
    others = {f"S/{name}": BESIDE[name] for name in sorted(beside)}
    good = {"S/1.csv": plain(rows)}
    await same(rows, good | others if is_behind else others | good)


@at_random
@given(people, st.data())
async def test_customer_insights_is_read_however_its_model_is_written(
    rows: list[Row], data: st.DataObject
) -> None:
    folder = data.draw(st.sampled_from(["VIP 100% #1", "Åsa & co", "a+b", "plain"]))
    settings_of_csv = data.draw(
        st.sampled_from([None, {}, {"$type": "CsvFormatSettings", "columnHeaders": False}])
    )
    base = "CustomerInsights_1/S"
    location = f"https://a.dfs.core.windows.net/c/{base}/" + quote(f"High/{folder}/1.csv")
    partition: dict[str, Any] = {"name": "1", "location": location}
    if settings_of_csv is not None or data.draw(st.booleans()):
        partition["fileFormatSettings"] = settings_of_csv
    entities: list[Any] = [
        {
            "$type": "LocalEntity",
            "name": "High",
            "attributes": [{"name": name, "dataType": "string"} for name in COLUMNS],
            "partitions": [partition],
        },
        *data.draw(
            st.lists(
                st.sampled_from(
                    [
                        {"$type": "LocalEntity", "name": "Low", "attributes": None},
                        {"$type": "LocalEntity", "name": "None", "partitions": []},
                        {"$type": "ReferenceEntity", "name": "Else", "source": "x"},
                    ]
                ),
                unique_by=lambda entity: str(entity),
            )
        ),
    ]
    model = {"name": "S", "version": "1.0", "entities": data.draw(st.permutations(entities))}
    mark = data.draw(st.sampled_from(["", "\ufeff"]))
    await same(
        rows,
        {
            f"{base}/High/{folder}/1.csv": plain(rows).split(b"\n", 1)[1],
            f"{base}/model.json": (mark + json.dumps(model)).encode(),
        },
    )


SPOILED: Mapping[str, bytes] = {
    "1.parquet": b"PAR1",
    "2.csv.gz": gzip.compress(b"Email\n" * 400)[:-9],
    "3.csv": b"Email\n\0\n",
    "4.csv": b"",
    "5.json": b'{"Email": ',
    "6.parquet": b"",
}


@at_random
@given(people, st.lists(st.sampled_from(sorted(SPOILED)), unique=True, min_size=1))
async def test_a_spoiled_blob_is_its_segments_reason_and_costs_no_other(
    rows: list[Row], spoiled: list[str]
) -> None:
    files = {"S/1.csv": plain(rows)} | {f"T{name}/{name}": SPOILED[name] for name in spoiled}
    await same(rows, files)
    for name in spoiled:
        members, run = await sent({f"T{name}/{name}": SPOILED[name]})
        assert run.status is RunStatus.FAILED_PERMANENT
        assert "Something went wrong" not in str(run.reason)
        assert members == {}
