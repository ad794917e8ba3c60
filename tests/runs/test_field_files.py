"""Files as real writers make them, through the whole engine: everybody arrives, or it is said why not."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from shared.domain.reading import Reading
from shared.domain.run import RunStatus
from tests.runs.world import World
from tests.segments import field as here
from tests.segments.corpus import Refused, Sent
from tests.segments.formats.test_registry import told_rows

FILES = Path(here.__file__).parent

NAMES = {"email": "EMail", "first_name": "FirstName", "last_name": "LastName"}

OUTCOMES: Mapping[str, Sent | Refused] = {
    "A01": Sent({"a01a@example.com": ("Jörg", "Müller"), "a01b@example.com": ("Åsa", "Öberg")}),
    "A02": Refused(
        "excel-1252.csv, line 2: in the column 'FirstName' is a character that is not UTF-8."
    ),
    "A04": Sent({"a04a@example.com": ("Ann", "Lee")}),
    "A06": Sent(
        {
            "a06a@example.com": ('Ann "Annie"', "Lee"),
            "a06b@example.com": ('Bo "B, the" X', "Berg"),
            "a06c@example.com": ('C"C', "Dahl"),
            "a06d@example.com": ("Dan", "Ek"),
        }
    ),
    "A08": Sent({"a08a@example.com": ("Ann", "Lee"), "a08b@example.com": ("Bo", "Berg")}),
    "A09": Sent({f"a09{of}{n}@example.com": ("Ann", "Lee") for of in "xy" for n in range(3)}),
    "A12": Sent({"a12a@example.com": ("Ann", "Lee")}),
    "B09": Sent({"b09a@example.com": ("Ann", "Lee")}),
    "B10": Sent({"b10a@example.com": ("Ann", "Lee")}),
    "D01": Refused("has no object with the member 'LastName'"),
    "E09": Sent({"e09b@example.com": ("A", "B")}),
    "M09": Refused(
        "line 3: a quote is opened and closed on line 6, with what look like rows between"
    ),
    "P02": Sent({"p02a@example.com": ("A", "B"), "p02b@example.com": ("A", "B")}),
    "R01": Sent({"r01a@example.com": ("Ann", "Lee")}),
}


def files_of(case: str) -> Sequence[tuple[str, bytes]]:
    """Return the paths and contents of a case, in the order in which they land."""
    found = [each for each in (FILES / case).rglob("*") if each.is_file()]
    found.sort(key=lambda each: (each.name == "_SUCCESS", str(each)))
    return [(str(each.relative_to(FILES)), each.read_bytes()) for each in found]


async def world_with(case: str, **changes: Any) -> World:
    """Return a world in which the files of a case have landed, and an export of their segment."""
    world = World()
    await world.connect()
    await world.export(segments=[case], **({"fields": NAMES} | changes))
    for path, data in files_of(case):
        await world.drop(data, path)
    return world


@pytest.mark.parametrize("case", OUTCOMES)
async def test_a_file_of_the_field_has_its_outcome(case: str) -> None:
    world = await world_with(case)
    await holds(world, OUTCOMES[case])


async def holds(world: World, outcome: Sent | Refused) -> None:
    """Run, and say whether what came of it is what was planned."""
    run = await world.run()
    match outcome:
        case Refused(said):
            assert run.status is RunStatus.FAILED_PERMANENT
            assert said in str(run.reason)
            assert world.mailchimp.calls == 0
        case Sent(members, rejects):
            assert run.status is RunStatus.SUCCESSFUL, run.reason
            sent = {
                address: (fields.get("FNAME", ""), fields.get("LNAME", ""))
                for address, fields in world.mailchimp.members.items()
            }
            assert sent == members
            assert [(each.row, each.code) for each in await world.rejects(run)] == list(rejects)


@pytest.mark.parametrize("name", ["Prénom", "Pre\u0301nom", "\u200bPrénom"])
async def test_a_column_is_found_however_its_name_is_composed(name: str) -> None:
    world = await world_with("A11", fields=NAMES | {"first_name": name})
    await holds(world, Sent({"a11a@example.com": ("Ann", "Lee")}))


async def test_a_long_cell_that_nobody_maps_is_none_of_our_business() -> None:
    world = await world_with("P03")
    rows = "".join(f"p03{of}@example.com,A,B,{'x' * 140_000}\n" for of in "ab")
    await world.drop(f"EMail,FirstName,LastName,Note\n{rows}", "P03/1.csv")
    await holds(world, Sent({"p03a@example.com": ("A", "B"), "p03b@example.com": ("A", "B")}))


async def test_what_spark_leaves_out_is_empty_once_a_version_had_it() -> None:
    world = await world_with("D01")
    whole = b'{"EMail":"d01c@example.com","FirstName":"Cy","LastName":"Dahl"}\n'
    await world.drop(whole, "D01/0/part-00000-c000.json")
    await world.drop(b"", "D01/0/_SUCCESS")
    await holds(world, Sent({"d01c@example.com": ("Cy", "Dahl")}))
    for again in range(8):  # more versions than are remembered
        for path, data in files_of("D01"):
            await world.drop(data, path.replace("spark-nulls", f"run-{again}"))
        run = await world.run()
        assert run.status is RunStatus.SUCCESSFUL, run.reason
        assert await world.rejects(run) == []
    assert {"d01a@example.com", "d01b@example.com"} <= set(world.mailchimp.members)


async def test_windows_1252_is_read_where_the_reading_says_so() -> None:
    [(path, data)] = files_of("A02")
    rows = await told_rows(path, data, Reading(encoding="windows-1252"), list(NAMES.values()))
    assert rows == [["a02a@example.com", "Åsa", "Öberg \u2013 VIP"]]
