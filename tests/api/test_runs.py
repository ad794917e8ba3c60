import codecs
import csv
import io
from datetime import datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.api.routes.rejects import line
from shared.domain.message import say
from shared.domain.outcomes import REJECT_COLUMNS, Counts, Outcome, Reject
from shared.domain.run import Checkpoint, Phase, Run, Trigger, TriggerKind
from shared.runs.start import start_run
from shared.runs.state.rejects import RejectWriter
from shared.storage.paths import CHECKPOINT
from tests.api.office import Office


async def test_a_run_on_demand_is_accepted_and_shown(office: Office) -> None:
    key = await office.export(await office.ready())
    answer = await office.ask("POST", f"/exports/{key}/run", {"mode": "everything"})
    assert answer.status_code == 202
    run = answer.json()
    assert (run["status"], run["mode"], run["trigger"]) == ("queued", "everything", "on_demand")
    assert answer.headers["Location"] == f"/api/v1/runs/{run['id']}"
    assert run.pop("joined") is False
    assert await office.done("GET", f"/runs/{run['id']}") == run
    assert run["timeline"][0]["text"] == "Asked for on demand."
    assert run["progress"]["percent"] is None


async def test_a_run_without_a_body_sends_changes(office: Office) -> None:
    key = await office.export(await office.ready())
    assert (await office.done("POST", f"/exports/{key}/run"))["mode"] == "changes"


async def test_an_idempotency_key_is_not_kept_in_readable_form(office: Office) -> None:
    key = await office.export(await office.ready())
    headers = {"Idempotency-Key": "ana@example.com"}
    run = await office.done("POST", f"/exports/{key}/run", {}, headers=headers)
    [stored] = await office.services.storage.runs.page(key)
    assert "ana@" not in stored.value.model_dump_json() + str(run)


async def test_runs_of_an_export_come_in_pages_the_newest_first(office: Office) -> None:
    key = await office.export(await office.ready())
    begun = []
    for _ in range(3):
        office.clock.advance(1)
        begun.append((await office.done("POST", f"/exports/{key}/run", {}))["id"])
        await office.done("POST", f"/runs/{begun[-1]}/cancel")

    first = await office.done("GET", f"/exports/{key}/runs", params={"limit": "2"})
    after = first["next"]
    second = await office.done("GET", f"/exports/{key}/runs", params={"limit": "2", "after": after})

    assert [run["id"] for run in first["items"] + second["items"]] == begun[::-1]
    assert second["next"] is None


async def test_runs_of_all_exports_merge_in_pages_even_when_one_file_began_many(
    office: Office,
) -> None:
    connection = await office.ready()
    exports = [await office.export(connection) for _ in range(4)]
    begun: set[str] = set()
    for number in range(3):
        at = office.clock.now() + timedelta(seconds=number)
        trigger = Trigger(kind=TriggerKind.ARRIVAL, key=f"Customers.csv|{number}", at=at)
        for export in exports:
            run, _ = await start_run(office.services, export, trigger)
            begun.add(run.id)

    for limit in range(1, 14):
        seen: list[dict[str, str]] = []
        after = ""
        while after is not None:
            params = {"limit": str(limit), "after": after}
            page = await office.done("GET", "/runs", params=params)
            seen += page["items"]
            after = page["next"]
        ids = [run["id"] for run in seen]
        assert len(ids) == len(set(ids))
        assert set(ids) == begun
        assert ids == sorted(ids, key=lambda name: name.split(".")[::-1])


async def test_a_run_that_waits_is_canceled_at_once_and_only_once(office: Office) -> None:
    key = await office.export(await office.ready())
    run = await office.done("POST", f"/exports/{key}/run", {})
    answer = await office.ask("POST", f"/runs/{run['id']}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (202, "canceled")
    again = await office.ask("POST", f"/runs/{run['id']}/cancel")
    assert (again.status_code, again.json()["type"]) == (409, "/api/problems/conflict")
    assert "over" in again.json()["detail"]


async def test_a_run_that_is_worked_on_is_canceling_until_its_slice_has_seen_it(
    office: Office,
) -> None:
    key = await office.export(await office.ready())
    run = await office.done("POST", f"/exports/{key}/run", {})
    [stored] = await office.services.storage.runs.page(key)
    working = stored.value.processing(office.clock.now(), say("Reading the segment files."))
    await office.services.storage.runs.replace(key, stored.key, working, stored.etag)
    assert not run["canceling"]

    for _ in range(2):
        canceled = await office.done("POST", f"/runs/{run['id']}/cancel")
        assert (canceled["status"], canceled["canceling"]) == ("processing", True)

    [listed] = (await office.done("GET", "/runs", role="viewer"))["items"]
    assert listed["canceling"]
    told = await office.done("GET", "/audit", params={"object": key})
    assert [entry["action"] for entry in told["items"]].count("run.canceled") == 1


async def test_a_run_says_how_fast_it_is_and_when_it_ends(office: Office) -> None:
    key = await office.export(await office.ready())
    run = await office.done("POST", f"/exports/{key}/run", {})
    checkpoint = Checkpoint(
        phase=Phase.SEND,
        profiles=1000,
        batches=10,
        batches_done=4,
        counts=Counts(accepted=400),
        profiles_a_second=10,
    )
    await office.services.storage.checkpoints.insert(run["id"], CHECKPOINT, checkpoint)
    shown = await office.done("GET", f"/runs/{run['id']}", role="viewer")
    assert (shown["progress"]["percent"], shown["progress"]["profiles_a_second"]) == (40, 10)
    ends_at = datetime.fromisoformat(shown["ends_at"])
    assert ends_at == office.clock.now() + timedelta(seconds=60)


async def test_a_preview_shows_what_a_run_would_do(office: Office) -> None:
    key = await office.export(await office.ready())
    seen = await office.done("POST", f"/exports/{key}/preview", {"mode": "everything"})
    assert (seen["rows_read"], seen["profiles"], seen["requests"]) == (1, 1, 1)
    assert set(seen["counts"].values()) == {0}
    [body] = seen["bodies"]
    assert '"email_address":"ana@example.com"' in body
    assert seen["versions"][0]["segment"] == "Customers"
    assert seen["estimate"]["seconds"] >= 1
    assert "A request takes 2.0 seconds." in seen["estimate"]["assumptions"]
    assert await office.services.storage.runs.page(key) == []


async def with_rejects(office: Office, *rejects: Reject) -> Run:
    key = await office.export(await office.ready())
    await office.done("POST", f"/exports/{key}/run", {})
    [stored] = await office.services.storage.runs.page(key)
    run = stored.value
    writer = RejectWriter(office.services.storage.run_files, run.id)
    for reject in rejects:
        writer.add(reject)
    await writer.write()
    checkpoint = Checkpoint(phase=Phase.DONE, reject_files=writer.written)
    await office.services.storage.checkpoints.insert(run.id, CHECKPOINT, checkpoint)
    return run


def unmarked(answer: httpx.Response) -> str:
    """Return the text of a file of rejects without the mark that it must begin with."""
    assert answer.content.startswith(codecs.BOM_UTF8)
    return answer.content.decode("utf-8-sig")


async def test_rejects_are_csv_with_every_column(office: Office) -> None:
    said = 'He said "no", twice'
    run = await with_rejects(
        office, Reject("Customers", 7, "bo@fake.example", Outcome.REFUSED, "ERROR_GENERIC", said)
    )
    answer = await office.ask("GET", f"/runs/{run.id}/rejects.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    rows = list(csv.reader(io.StringIO(unmarked(answer), newline="")))
    assert rows == [
        list(REJECT_COLUMNS),
        ["Customers", "7", "bo@fake.example", "refused", "ERROR_GENERIC", said, ""],
    ]


@pytest.mark.parametrize(
    ("accepts", "separator"), [("en", ","), ("sv-SE,sv;q=0.9,en;q=0.8", ";"), ("fr", ";")]
)
async def test_rejects_open_right_in_the_excel_of_each_language(
    office: Office, accepts: str, separator: str
) -> None:
    cells = ["Customers", "7", "å;b,c", "refused", "no", "é", ""]
    run = await with_rejects(office, Reject("Customers", 7, "å;b,c", Outcome.REFUSED, "no", "é"))
    answer = await office.ask(
        "GET", f"/runs/{run.id}/rejects.csv", headers={"Accept-Language": accepts}
    )
    found = csv.reader(io.StringIO(unmarked(answer), newline=""), delimiter=separator)
    assert list(found) == [list(REJECT_COLUMNS), cells]


async def test_no_cell_is_a_formula_to_a_spreadsheet(office: Office) -> None:
    starts = ["=", "+", "-", "@", "\t", "\r"]
    run = await with_rejects(
        office,
        *(
            Reject("Customers", 2, f"{start}cmd|' /C calc'!A0", Outcome.INVALID, "email", start)
            for start in starts
        ),
    )
    answer = await office.ask("GET", f"/runs/{run.id}/rejects.csv")
    rows = list(csv.DictReader(io.StringIO(unmarked(answer), newline="")))
    assert [row["address"][:2] for row in rows] == [f"'{start}" for start in starts]
    assert [row["reason"] for row in rows] == [f"'{start}" for start in starts]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (" =1+1", "' =1+1"),
        ("\n=1+1", "'\n'=1+1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("ana;=1+1", "ana;'=1+1"),
        ('ana;"=1+1;', "ana;'\"=1+1;"),
        ("ana\t@SUM(1)", "ana\t'@SUM(1)"),
        ("ana|  -1", "ana|'  -1"),
        ("ana, =1+1", "ana,' =1+1"),
        ("a=1, b-2; c+3 (d@example.com)", "a=1, b-2; c+3 (d@example.com)"),
        ("", ""),
    ],
)
async def test_no_cell_becomes_one_where_semicolons_separate(
    office: Office, cell: str, shown: str
) -> None:
    run = await with_rejects(office, Reject("Customers", 2, cell, Outcome.INVALID, "x", "y"))
    answer = await office.ask("GET", f"/runs/{run.id}/rejects.csv")
    [row] = csv.DictReader(io.StringIO(unmarked(answer), newline=""))
    assert row["address"] == shown
    excel = csv.reader(io.StringIO(unmarked(answer), newline=""), delimiter=";")
    cells = [each.lstrip(' \u00a0\u3000"') for line in excel for each in line]
    assert not [each for each in cells if each.startswith(("=", "+", "-", "@", "\uff1d"))]


@given(st.lists(st.text("=+-@;|\t\r\n\", a'1\u00a0\uff1d"), min_size=1), st.sampled_from(",;"))
def test_no_cells_make_a_formula_whatever_separates_them(cells: list[str], ours: str) -> None:
    text = line(["Customers", *cells], ours)
    for separator in (",", ";", "|", "\t"):
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            for cell in row:
                assert not cell.lstrip(' \u00a0"').startswith(("=", "+", "-", "@", "\uff1d"))


async def test_a_run_without_rejects_has_only_the_header(office: Office) -> None:
    key = await office.export(await office.ready())
    run = await office.done("POST", f"/exports/{key}/run", {})
    answer = await office.ask("GET", f"/runs/{run['id']}/rejects.csv")
    assert unmarked(answer) == ",".join(REJECT_COLUMNS) + "\r\n"
