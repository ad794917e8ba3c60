"""What becomes of cells as people write them, through the whole engine."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.destinations.encoding.encoder import ValuesEncoder
from shared.destinations.encoding.habits import Habits
from shared.destinations.encoding.template import Group, Template, member
from shared.destinations.encoding.values import Values
from shared.destinations.model import Field, FieldType, Target
from shared.domain.reading import DateOrder, Reading
from shared.domain.run import Run, RunStatus
from shared.runs.prepare.mapping import Mapper
from shared.runs.prepare.spool import Spool
from shared.runs.state.rejects import RejectWriter
from shared.segments.catalogue import newest_version
from shared.segments.formats.rows import ReadAnew
from tests.runs.world import World
from tests.segments import field as here
from tests.segments.parquet import parquet

FILES = Path(here.__file__).parent
MAPPED = {
    "email": "EMail",
    "first_name": "FirstName",
    "POINTS": "Points",
    "JOINED": "Joined",
    "BORN": "Born",
    "phone": "Phone",
}
KINDS = {
    "POINTS": {"type": "number", "name": "Points"},
    "JOINED": {"type": "date", "name": "Joined"},
    "BORN": {"type": "birthday", "name": "Born"},
    "PHONE": {"type": "phone", "name": "Phone"},
}
TAGS = {"Points": "POINTS", "Joined": "JOINED", "Born": "BORN", "Phone": "PHONE"}


async def world_with(fields: Sequence[str], **changes: Any) -> World:
    """Return a world with an export of `Customers` that maps the address and these fields."""
    world = World()
    world.mailchimp.tags = ("FNAME", *KINDS)
    world.mailchimp.kinds = KINDS
    await world.connect()
    mapped = {name: MAPPED[name] for name in ("email", *fields)}
    await world.export(fields=mapped, **changes)
    return world


async def ran(world: World, data: bytes | str, name: str = "1.csv") -> Run:
    await world.drop(data, f"Customers/{name}")
    return await world.run()


def sent(world: World, tag: str) -> dict[str, str]:
    """Return what arrived in a field, by the letter that the address ends in before the @."""
    return {
        address.partition("@")[0][-1]: member[tag]
        for address, member in world.mailchimp.members.items()
        if tag in member
    }


def notes(run: Run) -> str:
    return "\n".join(str(event.text) for event in run.timeline)


def of(case: str) -> bytes:
    [file] = (FILES / case).iterdir()
    return file.read_bytes()


async def test_dates_as_people_write_them() -> None:
    world = await world_with(["BORN", "JOINED"])
    run = await ran(world, of("A14"))
    assert run.status is RunStatus.SUCCESSFUL
    assert len(world.mailchimp.members) == 19
    assert sent(world, "BORN") == dict.fromkeys("abde", "12/24") | {"c": "06/09"}
    assert sent(world, "JOINED") == dict.fromkeys("afghijkop", "2026-11-21")
    said = notes(run)
    assert (
        "2 values of Born (column Born) were left out" not in said
    )  # n and s differ in their reasons
    assert "because the year is before 1000 or after 9999: row 15 of Customers." in said
    assert (
        "2 values of Joined (column Joined) were left out, because the year has two digits" in said
    )
    assert (
        "2 values of Joined (column Joined) were left out, because a number alone is no date"
        in said
    )


async def test_what_a_later_row_shows_holds_for_the_rows_before_it() -> None:
    world = await world_with(["JOINED", "phone"])
    run = await ran(world, of("N05"))
    assert sent(world, "JOINED") == dict.fromkeys("abf", "2026-11-21") | {
        "c": "1990-12-24",
        "d": "1990-06-09",
    }
    assert sent(world, "PHONE")["a"] == "+46 70-123 45 67"
    assert set(sent(world, "PHONE")) == {"a", "g"}
    assert "a number with an exponent is no phone number: row 7 of Customers." in notes(run)


async def test_nulls() -> None:
    world = await world_with(["first_name", "POINTS"])
    run = await ran(world, of("A07"))
    assert sent(world, "FNAME") == {"b": "NULL", "c": "Ann"}
    assert sent(world, "POINTS") == {"c": "5"}
    assert "The column FirstName is full of NULL." in notes(run)


async def values_by(
    reading: Reading, field: Field, data: str | bytes, name: str = "1.csv"
) -> list[Any]:
    """Return what is sent of one field where the segment is read so; None for what is left out."""
    world = await world_with([])
    await world.drop(data, f"Customers/{name}")
    storage = world.services.storage
    version = await newest_version(storage.segments, "Customers", world.clock.now())
    assert version is not None
    export = await world.export("other", fields={"email": "EMail", "it": "It"})
    group = Group({"it": member("it")}, opening=",")
    made = ValuesEncoder(Template('{"mail":', [group], "}"), Values([field], Target("a", ["it"])))
    habits: dict[str, Habits] = {}
    told = version.model_copy(update={"reading": reading})
    while True:
        with Spool() as spool:
            rejects = RejectWriter(storage.run_files, "run")
            mapper = Mapper(export, made, spool, rejects, nobody, {}, habits)
            try:
                await mapper.read(storage, told)
            except ReadAnew:
                continue
            found = [
                each
                for partitions in spool.partitions()
                for each in partitions.profiles.fragments.to_pylist()
            ]
        return [orjson.loads(each).get("it") for each in sorted(found)]


async def nobody(rows: int) -> None:
    """Tell nobody how many rows were read."""


NUMBER = Field("it", "It", kind=FieldType.NUMBER)
DATE = Field("it", "It", kind=FieldType.DATE)
TEXT = Field("it", "It")


@pytest.mark.parametrize(
    ("reading", "field", "cells", "plain"),
    [
        (Reading(nulls=["NULL", "-"]), TEXT, ["NULL", " - ", "Ann"], [None, None, "Ann"]),
        (Reading(nulls=["NaN"]), NUMBER, ["NaN", "7"], [None, "7"]),
        (Reading(decimal=","), NUMBER, ['"1,234"', "1.234", "12.5"], ["1.234", "1234", None]),
        (Reading(decimal="."), NUMBER, ['"1,234"', "1.234", '"12,5"'], ["1234", "1.234", None]),
        (Reading(dates={"It": DateOrder.DMY}), DATE, ["02/03/2026"], ["2026-03-02"]),
        (Reading(dates={"It": DateOrder.MDY}), DATE, ["02/03/2026"], ["2026-02-03"]),
        (Reading(dates={"It": DateOrder.MDY}), DATE, ["13/03/2026"], [None]),
        (
            Reading(dates={"It": DateOrder.YMD}),
            DATE,
            ["2026/03/02", "02/03/2026"],
            ["2026-03-02", None],
        ),
    ],
)
async def test_cells_are_read_as_people_say(
    reading: Reading, field: Field, cells: Sequence[str], plain: Sequence[Any]
) -> None:
    assert await values_by(reading, field, rows("It", cells)) == plain


TYPED: Sequence[tuple[Sequence[Any], Reading, Sequence[Any]]] = [
    # numbers are what they are, and texts what the reading says
    ((1.234, 12.5, 1234567.5, 1234), Reading(decimal=","), ("1.234", "12.5", "1234567.5", "1234")),
    ((Decimal("1.234"), Decimal("2.500")), Reading(decimal=","), ("1.234", "2.500")),
    (("1,234", "1.234", "12.5"), Reading(decimal=","), ("1.234", "1234", None)),
    (("1,234", "1.234", "12,5"), Reading(decimal="."), ("1234", "1.234", None)),
    (("1,234", "12,5", "1.234"), Reading(), ("1.234", "12.5", "1234")),
]


@pytest.mark.parametrize(("values", "reading", "plain"), TYPED)
async def test_the_decimal_mark_is_that_of_texts_in_typed_files_too(
    values: Sequence[Any], reading: Reading, plain: Sequence[Any]
) -> None:
    addresses = [f"{at}@example.com" for at in range(len(values))]
    file = parquet({"EMail": addresses, "It": list(values)})
    assert await values_by(reading, NUMBER, file, "1.parquet") == list(plain)
    objects = b"\n".join(
        orjson.dumps({"EMail": address, "It": value if isinstance(value, str) else float(value)})
        for address, value in zip(addresses, values, strict=True)
    )
    same = [each and each.replace("2.500", "2.5") for each in plain]
    assert await values_by(reading, NUMBER, objects, "1.ndjson") == same


async def test_texts_among_the_numbers_of_ndjson_are_read_as_people_say() -> None:
    lines = [
        b'{"EMail": "%d@example.com", "It": %b}' % (at, it)
        for at, it in enumerate([b"1.234", b'"12,5"', b'"1.234,5"', b"null", b"7"])
    ]
    file = b"\n".join(lines)
    plain = ["1.234", "12.5", "1234.5", None, "7"]
    assert await values_by(Reading(decimal=","), NUMBER, file, "1.ndjson") == plain
    assert await values_by(Reading(), NUMBER, file, "1.ndjson") == plain


async def test_small_and_large_floats_are_plain_decimals() -> None:
    world = await world_with(["POINTS"])
    await ran(world, of("C09"), "1.parquet")
    assert sent(world, "POINTS") == {"a": "0.00001", "b": "10000000000000000", "c": "12.5"}


async def test_a_year_that_nobody_has_costs_the_cell() -> None:
    world = await world_with(["JOINED"])
    run = await ran(world, of("C11"), "1.parquet")
    assert run.status is RunStatus.SUCCESSFUL
    assert len(world.mailchimp.members) == 2
    assert "(column Joined) was left out" in notes(run)


@pytest.mark.parametrize("case", ["M10", "P10"])
async def test_addresses_with_what_cannot_be_seen(case: str) -> None:
    world = await world_with(["phone"] if case == "P10" else ["first_name"])
    run = await ran(world, of(case))
    count = 14 if case == "M10" else 2
    assert len(world.mailchimp.members) == count
    assert all(
        address.startswith(case.lower()[:3]) and address.endswith("@example.com")
        for address in world.mailchimp.members
    )
    assert run.warning is None
    if case == "P10":
        assert sent(world, "PHONE") == {"a": "+46701234567"}


async def test_each_address_has_its_own_reason() -> None:
    world = await world_with(["first_name"])
    run = await ran(world, of("A13"))
    assert sorted({reject.code for reject in await world.rejects(run)}) == [
        "blank_in_address",
        "letters_before_at",
        "number_after_at",
        "quote_in_address",
        "several_addresses",
        "two_dots",
        "wrong_field_count",
    ]
    rejected = {reject.row - 2 for reject in await world.rejects(run)}
    assert {chr(97 + (row if row < 23 else row + 1)) for row in rejected} == set("fgjlopwy")


def rows(field: str, cells: Sequence[str]) -> str:
    lines = [f"{chr(97 + at)}@example.com,{cell}\n" for at, cell in enumerate(cells)]
    return f"EMail,{field}\n" + "".join(lines)


NEVER_GUESSED: Mapping[str, Sequence[str]] = {
    "both orders": ("13/01/2026", "01/13/2026", "02/03/2026"),
    "none above 12": ("02/03/2026", "12/11/2026"),
}


@pytest.mark.parametrize("cells", NEVER_GUESSED.values(), ids=NEVER_GUESSED.keys())
async def test_whether_the_day_comes_first_is_never_guessed(cells: Sequence[str]) -> None:
    world = await world_with(["JOINED"])
    run = await ran(world, rows("Joined", cells))
    assert sent(world, "JOINED") == {}
    assert f"{len(cells)} values of Joined (column Joined) were left out" in notes(run)
    assert "nobody can tell whether the day or the month comes first" in notes(run)


async def test_an_earlier_version_shows_whether_the_day_comes_first() -> None:
    world = await world_with(["JOINED"])
    await ran(world, rows("Joined", ["13/01/2026"]))
    await ran(world, rows("Joined", ["2026-01-01"]), "2.csv")
    await ran(world, rows("Joined", ["02/03/2026"]), "3.csv")
    assert sent(world, "JOINED") == {"a": "2026-03-02"}


async def test_what_the_last_block_contradicts_is_read_anew() -> None:
    world = await world_with(["JOINED"])
    many = ["05/13/2026", *["02/03/2026"] * 20]
    long = "".join(f"x{n}@example.com,2026-01-01\n" for n in range(60_000))
    text = rows("Joined", many) + long + "last@example.com,13/05/2026\n"
    run = await ran(world, text)
    progress = await world.progress(run)
    assert progress.rows_read == progress.counts.total == 60_022
    assert sent(world, "JOINED").keys().isdisjoint(set("abcdef"))
    assert "22 values of Joined (column Joined) were left out" in notes(run)


COLUMNS: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    "nothing shows": (('"1,234"', "7", "1.234"), ("", "7", "1.234")),
    "commas in thousands": (('"1,234"', '"1,234,567"', "2.5"), ("1234", "1234567", "2.5")),
    "points show it": (('"1,234"', "12.5"), ("1234", "12.5")),
    "decimal commas": (('"1,234"', '"12,5"', "1.234"), ("1.234", "12.5", "1234")),
    "points in thousands": (("1.234", "1.234.567"), ("1234", "1234567")),
    "both": (('"12,5"', "12.5", '"1,234"'), ("12.5", "12.5", "")),
    "signs and blanks": (
        ("\u22125", "1\u00a0234", "+1e3", "1 234 567"),
        ("-5", "1234", "1000", "1234567"),
    ),
}


@pytest.mark.parametrize(("cells", "plain"), COLUMNS.values(), ids=COLUMNS.keys())
@pytest.mark.parametrize("backwards", [False, True])
async def test_a_column_shows_how_its_numbers_are_written(
    cells: Sequence[str], plain: Sequence[str], backwards: bool
) -> None:
    world = await world_with(["POINTS"])
    step = -1 if backwards else 1
    await ran(world, rows("Points", cells[::step]))
    expected = {chr(97 + at): each for at, each in enumerate(plain[::step]) if each}
    assert sent(world, "POINTS") == expected


async def test_a_strict_export_rejects_the_row() -> None:
    world = await world_with(["POINTS"], strict_fields=True)
    run = await ran(world, rows("Points", ["7", "many"]))
    [reject] = await world.rejects(run)
    assert (reject.row, reject.code) == (3, "bad_value")
    assert "left out" not in notes(run)


async def test_a_run_without_a_valid_row_fails_for_good() -> None:
    world = await world_with(["POINTS"])
    run = await ran(world, "EMail,Points\nnobody,1\nno one,2\n")
    assert run.status is RunStatus.FAILED_PERMANENT
    assert str(run.reason).startswith("2 rows were read, and none is valid.")
    assert run.is_all_invalid
    assert [reject.row for reject in await world.rejects(run)] == [2, 3]
    assert world.mailchimp.calls == 0


@pytest.mark.parametrize(("invalid", "warned"), [(0, False), (1, False), (2, True)])
async def test_more_than_a_tenth_of_invalid_rows_is_warned_of(invalid: int, warned: bool) -> None:
    world = await world_with([])
    good = "".join(f"a{n}@example.com\n" for n in range(10 - invalid))
    run = await ran(world, "EMail\n" + good + "nobody\n" * invalid)
    assert run.status is RunStatus.SUCCESSFUL
    assert (run.warning is not None) is warned
    if warned:
        assert str(run.warning) == f"{invalid} invalid of 10 rows: look at the rejects."


day = st.dates().filter(lambda each: each.year >= 1000)


@settings(max_examples=50, deadline=None)
@given(st.lists(day, min_size=1, max_size=12), st.sampled_from(DateOrder), st.sampled_from("/.-"))
def test_a_column_of_dates_in_one_order_arrives_or_is_left_out_and_never_swapped(
    days: list[Any], order: DateOrder, mark: str
) -> None:
    parts = {
        DateOrder.DMY: "%d{0}%m{0}%Y",
        DateOrder.MDY: "%m{0}%d{0}%Y",
        DateOrder.YMD: "%Y{0}%m{0}%d",
    }
    made = Values([Field("it", "It", kind=FieldType.DATE)], Target("a", ["it"]))
    cells = [each.strftime(parts[order].format(mark)) for each in days]
    for _ in range(2):  # the second time with what the first has shown
        found = [made.of([cell]).get("it") for cell in cells]
        made.begin(made.habits.anew())
    shown = order is DateOrder.YMD or any(each.day > 12 for each in days)
    for each, value in zip(days, found, strict=True):
        assert value == each.isoformat() or (value is None and not shown and each.day != each.month)
