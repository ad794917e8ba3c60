from datetime import timedelta

from tests.api.office import Office
from tests.fakes.storage import MemoryBlobs

PLAIN = {
    "delimiter": ",",
    "encoding": "utf-8",
    "escape": "doubled",
    "quoted": True,
    "preamble": None,
}


async def test_a_segment_shows_its_columns_and_newest_file(office: Office) -> None:
    segments = office.services.storage.segments
    await segments.write("Customers/1.csv", b"EMail\n")
    office.clock.advance(60)
    await segments.write("Customers/2.csv", "EMail,Förnamn\n".encode())
    found = await office.done("GET", "/segments/Customers")
    assert found == {
        "name": "Customers",
        "status": "ready",
        "reason": None,
        "columns": ["EMail", "Förnamn"],
        "dialect": PLAIN,
        "members": 0,
        "versions": 2,
        "newest": {
            "segment": "Customers",
            "path": "Customers/2.csv",
            "form": "CSV",
            "files": 1,
            "size": 15,
            "modified": "2026-11-21T09:01:00Z",
        },
        "waits_until": None,
        "unread": [],
    }


async def test_segments_come_in_pages_by_name(office: Office) -> None:
    for name in ("Beta", "Ärlig #1", "Alpha"):
        await office.drop(name)
    first = await office.done("GET", "/segments", params={"limit": "2"})
    after = {"limit": "2", "after": first["next"]}
    second = await office.done("GET", "/segments", params=after)
    assert [item["name"] for item in first["items"]] == ["Alpha", "Beta"]
    assert [item["name"] for item in second["items"]] == ["Ärlig #1"]
    assert second["next"] is None


async def test_a_segment_that_cannot_be_read_says_why(office: Office) -> None:
    await office.services.storage.segments.write("Broken.csv", b"\x1f\x8bEMail\n")
    answer = await office.ask("GET", "/segments/Broken")
    assert answer.status_code == 409
    assert answer.json()["type"] == "/api/problems/bad-segment"
    listed = await office.done("GET", "/segments")
    assert listed["items"][0]["columns"] == []


async def test_a_segment_tells_its_members(office: Office) -> None:
    await office.drop(text="EMail,FirstName\n" + "ana@example.com,Ana\n" * 30)
    assert (await office.done("GET", "/segments/Customers"))["members"] == 30
    await office.drop()
    assert (await office.done("GET", "/segments/Customers"))["members"] == 1


async def test_a_segment_tells_the_dialect_that_was_found(office: Office) -> None:
    text = 'sep=;\r\nEMail;FirstName\r\nana@example.com;"An\\"a"\r\n'
    await office.services.storage.segments.write(
        "Customers.csv", b"\xff\xfe" + text.encode("utf-16le")
    )
    found = (await office.done("GET", "/segments/Customers"))["dialect"]
    assert found == PLAIN | {
        "delimiter": ";",
        "encoding": "utf-16le",
        "escape": "backslash",
        "preamble": "sep=",
    }
    await office.services.storage.segments.write("Others.ndjson", b'{"EMail": "ana@example.com"}')
    assert (await office.done("GET", "/segments/Others"))["dialect"] is None


async def test_a_reading_makes_a_segment_readable(office: Office) -> None:
    text = "EMail;FirstName\nana@example.com;Åsa\n".encode("windows-1252")
    await office.services.storage.segments.write("Customers.csv", text)
    path = "/segments/Customers/reading"
    refused = await office.ask("POST", f"{path}/try", {})
    assert refused.status_code == 409
    assert "Åsa" not in refused.text
    assert await office.done("POST", f"{path}/try", {"encoding": "windows-1252"}) == {
        "columns": ["EMail", "FirstName"],
        "rows": [["ana@example.com", "Åsa"]],
        "dialect": PLAIN | {"delimiter": ";", "encoding": "windows-1252"},
    }
    before = (await office.done("GET", "/segments/Customers"))["dialect"]
    assert before["encoding"] == "utf-8"
    await office.done("PUT", "/segments/Customers/reading", {"encoding": "windows-1252"})
    assert (await office.done("GET", "/segments/Customers"))["status"] == "ready"
    [listed] = (await office.done("GET", "/segments"))["items"]
    assert (listed["status"], listed["dialect"]["encoding"]) == ("ready", "windows-1252")


async def test_what_is_waited_for_is_told_and_until_when(office: Office) -> None:
    await office.drop()
    segments = office.services.storage.segments
    office.clock.advance(60)
    await segments.write("Customers/run/customers-000000000000.csv", b"EMail\na@example.com\n")
    found = await office.done("GET", "/segments/Customers")
    assert (found["status"], found["members"]) == ("incomplete", 1)
    assert (
        found["waits_until"] == f"{office.clock.now() + timedelta(minutes=10):%Y-%m-%dT%H:%M:%SZ}"
    )
    assert "It is taken as it is if nothing more comes until" in found["reason"]
    office.clock.advance(600)
    found = await office.done("GET", "/segments/Customers")
    assert (found["status"], found["waits_until"]) == ("ready", None)
    assert found["newest"]["path"] == "Customers/run/customers-000000000000.csv"


async def test_one_bad_blob_of_each_kind_leaves_the_list_whole(office: Office) -> None:
    await office.drop("Good")
    segments = office.services.storage.segments
    assert isinstance(segments, MemoryBlobs)
    for name in ("Cold", "Held", "Away"):
        await segments.write(f"{name}/1.csv", b"EMail\na@example.com\n")
    segments.archive("Cold/1.csv")
    segments.withhold("Held/1.csv", "LeaseIdMissing")
    segments.put_out_of_reach("Away/1.csv")
    await segments.write("Empty/1.parquet", b"")
    await segments.write("Book/list.xlsx", b"PK")
    await segments.write("Table/_delta_log/00000000000000000000.json", b"{}")
    await segments.write("Alone/_SUCCESS", b"")
    office.clock.advance(600)
    listed = (await office.done("GET", "/segments"))["items"]
    ready = [each["name"] for each in listed if each["status"] == "ready"]
    assert (len(listed), ready) == (8, ["Good"])
    assert all(
        each["status"] == "unreadable" and each["reason"]
        for each in listed
        if each["name"] != "Good"
    )
    for each in listed:
        answer = await office.ask("GET", f"/segments/{each['name']}")
        assert answer.status_code == (200 if each["name"] == "Good" else 409)
    [book] = [each for each in listed if each["name"] == "Book"]
    assert book["unread"] == [
        {
            "path": "Book/list.xlsx",
            "modified": book["unread"][0]["modified"],
            "reason": "Book/list.xlsx is a workbook. Save it as CSV UTF-8 and add that.",
        }
    ]
