from tests.api.office import Office


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
    await office.services.storage.segments.write("Broken.csv", b"EMail,\xff\xfe\n")
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
