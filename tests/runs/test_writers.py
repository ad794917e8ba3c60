"""Files of real writers, through the whole engine and a real socket to a sandbox that has typed fields."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from local.sandbox.activecampaign.state import Account, CustomField
from shared.destinations.activecampaign.destination import ActiveCampaign
from shared.domain.people import Caller, Person, Role
from shared.domain.reading import Reading
from shared.domain.run import Run, RunStatus
from shared.exports.readings import set_reading
from tests.contract.destinations.sides import ActiveCampaignSide
from tests.contract.destinations.sockets import Sockets
from tests.contract.destinations.world import World
from tests.local.servers import serving
from tests.segments.writers import WRITERS, Writer, value_of

ADMINISTRATOR = Caller(Person(id="1", name="Administrator"), Role.ADMINISTRATOR)

STANDARD = {"FirstName": "first_name", "LastName": "last_name", "Phone": "phone"}
OWN = {
    "Birthday": CustomField(11, "Birthday", "date"),
    "Spend": CustomField(12, "Spend", "currency"),
    "Visits": CustomField(13, "Visits", "number"),
    "VIP": CustomField(14, "VIP", "radio", ("Yes", "No")),
    "Updated": CustomField(15, "Updated", "datetime"),
    "Note": CustomField(16, "Note", "textarea"),
}
MAPPED = STANDARD | {column: f"field:{field.id}" for column, field in OWN.items()}
TRUTH = {"Yes": "true", "No": "false"}

_LIST = "the file is one list of JSON. Write each of its objects on a line of its own (NDJSON)"
_NO_HEADER = "The first line is not a header."
_PACKED = "is packed in a way that is not read."
_NO_END = "this is not Parquet, or its end is missing"

REFUSED: Mapping[str, str] = {
    "csv-stringify-6.9.0-default-noheader": _NO_HEADER,
    "duckdb-1.5.6-csv-zst": _PACKED,
    "duckdb-1.5.6-json-array": _LIST,
    "exceljs-4.4.0-xlsx": "is a workbook.",
    "libreoffice-7.4.7-headless-xlsx": "is a workbook.",
    "mariadb-10.11.19-into-outfile": _NO_HEADER,
    "miller-6.6.0-ojson": _LIST,
    "newtonsoft-13.0.4-array": _LIST,
    "pandas-1.5.3-to_csv-bz2": _PACKED,
    "pandas-1.5.3-to_json-default": "this is JSON by columns, without rows",
    "parquetnet-6.1.0-class-lzo": "the footer does not fit the file",
    "parquetsharp-25.0.1.2-lzo": _NO_END,
    "polars-0.26.1-ipc": "is Arrow, which is not read.",
    "postgresql-15.20-copy-csv-noheader": _NO_HEADER,
    "sep-0.17.1-default": "has no column 'Email'. It has: Email;FirstName;LastName;",
    "system-text-json-net10-array": _LIST,
}
"""What is said of the files that are refused."""

_NUMBER = "a number alone is no date"
_SHORT = "the year has two digits"
_DATE = "it must be a date such as 2026-11-24"
_AMOUNT = "it must be a number such as 12.5"
_WORD_NULL = {
    "Phone": (3, "it must be a phone number"),
    "Birthday": (3, _DATE),
    "Spend": (3, _AMOUNT),
    "Visits": (3, _AMOUNT),
    "VIP": (3, "it must be one of its choices: Yes, No"),
    "Updated": (3, _DATE),
}

LEFT_OUT: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "alasql-4.19.1": _WORD_NULL,
    "csv-stringify-6.9.0-header": {"Birthday": (9, _NUMBER), "Updated": (9, _NUMBER)},
    "miller-6.6.0-ocsv": _WORD_NULL,
    "php-8.2-json_encode-datetime-object": {"Updated": (9, _DATE)},
    "sheetjs-0.18.5-writefile-csv": {"Birthday": (9, _SHORT), "Updated": (9, _SHORT)},
}
"""How many cells of which columns are left out, and why: all others arrive."""

_NOTE = re.compile(
    r"(\d+) values? of (\w+) \(column \w+\) \w+ left out, because (.*): row .*", re.DOTALL
)


@pytest.fixture(scope="module")
def side() -> Iterator[ActiveCampaignSide]:
    """ActiveCampaign behind a socket."""
    side = ActiveCampaignSide()
    with serving(side.app) as url:
        side.destination = ActiveCampaign(f"{url}/{{host}}", ["api-us1.com"], clock=side.clock)
        yield side


async def world_with(side: ActiveCampaignSide, writer: Writer) -> World:
    """Return a world in which what a writer wrote has landed, and an export to an account without anybody."""
    side.account = side.sandbox.accounts[1] = Account(1)
    side.account.fields = {field.id: field for field in OWN.values()}
    world = World(side, recording=False, network=Sockets(side.clock))
    await world.connect()
    columns = {name: column for column, name in MAPPED.items()}
    await world.export(segments=["People"], fields={"email": "Email", **columns})
    if writer.encoding:
        said = Reading(encoding=writer.encoding)
        await set_reading(world.services, ADMINISTRATOR, "People", None, said)
    for path, data in writer.files:
        await world.drop(data, f"People/{path}")
    side.clock.advance(601)  # so that what has no marker is complete
    return world


def arrived(side: ActiveCampaignSide, address: str) -> Mapping[str, Any]:
    """Return what the sandbox holds of a person, by column."""
    stored: dict[str, Any] = dict(side.contact(address) or {})
    own = {f"field:{number}": value for number, value in stored.pop("fields", {}).items()}
    cells = {column: (stored | own).get(name) for column, name in MAPPED.items()}
    return cells | {"VIP": TRUTH.get(str(cells["VIP"]))}


def left_out(run: Run) -> Mapping[str, tuple[int, str]]:
    """Return what the timeline of a run says of values that were left out."""
    found = [_NOTE.fullmatch(str(event.text)) for event in run.timeline]
    return {note[2]: (int(note[1]), note[3]) for note in found if note}


@pytest.mark.parametrize("name", WRITERS)
async def test_everybody_arrives_as_written_or_it_is_said_why_not(
    side: ActiveCampaignSide, name: str
) -> None:
    writer = WRITERS[name]
    world = await world_with(side, writer)
    run = await world.run()
    await world.services.http.aclose()
    if said := REFUSED.get(name):
        assert run.status is RunStatus.FAILED_PERMANENT
        assert said in str(run.reason)
        assert side.active() == set()
        return
    assert run.status is RunStatus.SUCCESSFUL, run.reason
    assert writer.cells().keys() - writer.damaged <= side.active() <= writer.cells().keys()
    missing: Counter[str] = Counter()
    for address in side.active():
        for column, cell in arrived(side, address).items():
            if address in writer.damaged and column not in STANDARD:
                continue  # what is known of it is that nothing was shifted
            told = writer.cells()[address][column]
            if cell is None and column in LEFT_OUT.get(name, {}):
                missing[column] += told not in (None, "")
                continue
            there, expected = value_of(column, cell), value_of(column, told)
            if writer.is_same_double(address, column):
                assert float(str(there)) == float(str(expected)), (address, column)
            else:
                assert there == expected, (address, column)
    assert left_out(run) == LEFT_OUT.get(name, {})
    # The word null stands for what nobody wrote, and costs no cell.
    assert all(missing[column] in (0, count) for column, (count, _) in left_out(run).items())
    if not writer.damaged:
        assert await world.rejects(run) == []


def test_what_is_refused_may_be() -> None:
    right = {
        name
        for name, writer in WRITERS.items()
        if writer.told["outcome"] != "all" or "refusalAcceptable" in writer.told
    }
    must = {name for name, writer in WRITERS.items() if writer.told["outcome"] == "refused"}
    assert must <= REFUSED.keys() <= right
    assert len(WRITERS) == 74
