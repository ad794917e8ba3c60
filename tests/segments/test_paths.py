"""What a path is, and when files make a version: all of it follows from names, times and ETags."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.segment import MAX_FILES, SegmentVersion
from shared.segments.inventory import SegmentFiles, classify
from shared.segments.paths import PathKind, export_folder, parse_path, segment_of
from shared.storage.ports import BlobInfo

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
EXPORT = "CustomerInsights_abcd1234-4312-11f4-93dc-24f72f43e7d5/BlobExport"


def blob(name: str, second: int = 0, etag: str | None = None) -> BlobInfo:
    return BlobInfo(name, etag or f'"{name}"', 10, NOON + timedelta(seconds=second))


def found(*blobs: BlobInfo, name: str = "S", at: int = 60) -> SegmentFiles:
    return classify(blobs, NOON + timedelta(seconds=at)).segments[name]


def version(*blobs: BlobInfo) -> SegmentVersion:
    newest = found(*blobs).newest
    assert newest is not None
    return newest


@pytest.mark.parametrize(
    ("path", "segment"),
    [
        ("Customers.csv", "Customers"),
        ("Customers/2026-11-21.csv", "Customers"),
        ("Customers/2026/11/21.csv", "Customers"),
        ("Customers/PART.CSV", "Customers"),
        ("Customers/part-time.csv", "Customers"),
        ("Best customers (2).csv", "Best customers (2)"),
        ("Kunden é 李/a.csv", "Kunden é 李"),
        ("a.b.csv", "a.b"),
        ("Customers.csv/1.csv", "Customers.csv"),
        ("Customers.csv.gz", "Customers"),
        ("Customers/1.csv.GZ", "Customers"),
        ("Customers.ndjson", "Customers"),
        ("Customers/1.JSONL", "Customers"),
        ("Customers/1.jsonl.gz", "Customers"),
        ("Customers/1.ndjson.gz", "Customers"),
        ("Customers/1.parquet", "Customers"),
        ("Customers/1.snappy.Parquet", "Customers"),
        ("Customers/run/part-00000-c000.json", "Customers"),
        ("Customers/run/part-00000-c000.orc", "Customers"),
        (f"{EXPORT}/High/2020/08/24/1433/High_1.csv", f"{EXPORT.replace('/', '.')}.High"),
        ("ZWJ\u200d in it/1.csv", "ZWJ\u200d in it"),
        ("Cust\tomers/1.csv", None),
        ("Cust\x85omers.csv", None),
        ("\u202evsc.sremotsuC/1.csv", None),
        ("Customers\u2066.csv", None),
        ("\u200b\ufeff/1.csv", None),
        ("\u3164.csv", None),
        (" .csv", None),
        ("Customers", None),
        ("Customers.txt", "Customers"),
        ("Customers/1.json", "Customers"),
        ("Customers/1.gz", None),
        ("Customers/.csv", None),
        ("Customers/_1.csv", None),
        ("Customers/_temporary/0/part-00000.csv", None),
        ("Customers/_delta_log/00000000000000000010.checkpoint.parquet", None),
        ("Customers/.part-00000.csv.crc", None),
        ("_Customers/1.csv", None),
        ("Customers/../Others/1.csv", None),
        (".csv", None),
        ("/1.csv", None),
        ("Customers/1.csv.tmp", None),
        ("CustomerInsights_1.csv", None),
        ("CustomerInsights_1/High.csv", None),
        ("CustomerInsights_1/Export/High.csv", None),
        ("CustomerInsights_1/Export/High.Low/2020/High_1.csv", None),
        ("CustomerInsights_a.b/Export/High/2020/High_1.csv", None),
        ("", None),
    ],
)
def test_a_path_belongs_to_a_segment(path: str, segment: str | None) -> None:
    assert segment_of(path) == segment


@pytest.mark.parametrize(
    ("path", "kind", "folder"),
    [
        ("S/1.csv", PathKind.FILE, "S/"),
        ("S/run/000000_0", PathKind.FILE, "S/run/"),
        ("S/run/part-00001.csv", PathKind.PART, "S/run/"),
        ("S/part-r-00001.parquet", PathKind.PART, "S/"),
        ("S/run/_SUCCESS", PathKind.SUCCESS, "S/run/"),
        ("S/run/manifest", PathKind.MANIFEST, "S/run/"),
        ("S/run/customers_manifest", PathKind.MANIFEST, "S/run/"),
        ("S/1f6a7c1e-manifest.csv", PathKind.MANIFEST, "S/"),
        ("S/customers.manifest.json", PathKind.MANIFEST, "S/"),
        ("S/t/_delta_log/00000000000000000010.checkpoint.parquet", PathKind.TABLE, "S/t/"),
        ("S/_delta_log/00000000000000000000.json", PathKind.TABLE, "S/"),
        ("S/t/metadata/v1.metadata.json", PathKind.TABLE, "S/t/"),
        ("S/t/metadata/version-hint.text", PathKind.TABLE, "S/t/"),
        ("S/t/.hoodie/hoodie.properties", PathKind.TABLE, "S/t/"),
        ("S/1.xlsx", PathKind.OTHER, "S/"),
        ("S/1.csv.bz2", PathKind.OTHER, "S/"),
        ("S/metadata/1.metadata", PathKind.OTHER, "S/metadata/"),
        ("people.csv.zst", PathKind.OTHER, ""),
        (f"{EXPORT}/model.json", PathKind.MODEL, f"{EXPORT}/"),
        (f"{EXPORT}/default.manifest.cdm.json", PathKind.MANIFEST, f"{EXPORT}/"),
        (f"{EXPORT}/High/2020/08/24/1433/High_1.csv", PathKind.EXPORTED, f"{EXPORT}/"),
    ],
)
def test_a_path_says_what_it_is_and_where_it_lies(path: str, kind: PathKind, folder: str) -> None:
    parsed = parse_path(path)
    assert parsed is not None
    assert (parsed.kind, parsed.folder) == (kind, folder)


def test_a_file_in_no_folder_is_a_segment_of_its_name() -> None:
    names = {"people.csv": "people", "people.csv.zst": "people", "a.b.xlsx": "a.b", "list": "list"}
    assert {path: (p := parse_path(path)) and p.segment for path in names} == names


@pytest.mark.parametrize(
    "path",
    [
        *("_SUCCESS", "S/_temporary/_SUCCESS", "_delta_log/1.json", "S/run_$folder$", "S/run/"),
        f"{EXPORT}/a/model.json",
    ],
)
def test_what_closes_or_marks_nothing_is_nothing(path: str) -> None:
    assert parse_path(path) is None


def test_the_name_of_an_exported_segment_says_where_it_lies() -> None:
    name = segment_of(f"{EXPORT}/High/2020/08/24/1433/High_1.csv")
    assert name is not None
    assert export_folder(name) == f"{EXPORT}/"
    assert export_folder("CustomerInsights_1.My.Export.High") == "CustomerInsights_1/My.Export/"
    for other in ("Customers", "CustomerInsights_1", "CustomerInsights_1.High", "a.b.c"):
        assert export_folder(other) is None


def test_a_folder_is_a_version_of_all_its_parts_by_name() -> None:
    one = version(
        blob("S/run/part-00001.csv", 2), blob("S/run/part-00000.csv", 1), blob("S/run/_SUCCESS", 3)
    )
    assert (one.path, one.size, one.modified) == ("S/run/", 20, NOON + timedelta(seconds=2))
    assert one.landed == NOON + timedelta(seconds=3)
    assert [file.path for file in one.sources] == ["S/run/part-00000.csv", "S/run/part-00001.csv"]
    assert [one.name_of(file) for file in one.sources] == ["part-00000.csv", "part-00001.csv"]


def test_a_folder_is_no_version_before_it_is_closed() -> None:
    there = found(blob("S/run/part-00000.csv"))
    assert (there.newest, there.versions) == (None, 0)
    assert there.awaited is not None
    assert str(there.awaited.reason) == (
        "S/run/ is not complete: _SUCCESS is not there yet. It is taken as it is if nothing more comes "
        "until 12:10:00 UTC."
    )
    assert there.awaited.until == NOON + timedelta(minutes=10)


def test_a_folder_that_grows_after_it_was_closed_is_no_version() -> None:
    there = found(
        blob("S/run/part-00000.csv"), blob("S/run/_SUCCESS", 1), blob("S/run/part-00001.csv", 2)
    )
    assert there.newest is None
    assert "files came after _SUCCESS" in str(there.awaited and there.awaited.reason)


def test_storage_tells_whole_seconds_so_a_part_of_the_same_one_came_before() -> None:
    assert version(blob("S/part-00000.csv", 1), blob("S/_SUCCESS", 1)).path == "S/"


def test_an_older_folder_counts_while_a_new_one_is_written() -> None:
    there = found(
        blob("S/1/part-00000.csv"), blob("S/1/_SUCCESS", 1), blob("S/2/part-00000.csv", 2)
    )
    assert there.newest is not None
    assert there.newest.path == "S/1/"
    assert there.awaited is not None
    assert there.awaited.path == "S/2/"


def test_what_was_never_finished_is_forgotten_once_there_is_something_newer() -> None:
    there = found(blob("S/1/part-00000.csv"), blob("S/2.csv", 2))
    assert there.newest is not None
    assert there.newest.path == "S/2.csv"
    assert there.awaited is None


def test_the_key_of_a_folder_is_that_of_its_files_whatever_closes_it() -> None:
    parts = (blob("S/part-00000.csv"), blob("S/part-00001.csv"))
    once, again = version(*parts, blob("S/_SUCCESS", 1)), version(*parts, blob("S/_SUCCESS", 9))
    assert once.key == again.key
    assert once.modified == again.modified
    other = version(parts[0], blob("S/part-00001.csv", etag='"2"'), blob("S/_SUCCESS", 1))
    assert other.key != once.key


def test_a_marker_that_closes_nothing_is_listed_and_says_so() -> None:
    there = found(blob("S/_SUCCESS"))
    assert there.newest is None
    assert "there is none beside it that is read" in str(there.awaited and there.awaited.reason)
    assert found(blob("S/_SUCCESS"), blob("S/run/1.csv")).unread == []


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["S/part-00000.orc"], "not read here"),
        (["S/part-00000.csv", "S/part-00001.parquet"], "several forms"),
        ([f"S/part-{n:05}.csv" for n in range(MAX_FILES + 1)], "has 1,001 files"),
    ],
)
def test_a_closed_folder_that_cannot_be_read_says_why(names: list[str], said: str) -> None:
    folder = names[0].rpartition("/")[0]
    there = found(*map(blob, names), blob(f"{folder}/_SUCCESS", 1))
    assert there.newest is None
    assert said in str(there.awaited and there.awaited.reason)


@pytest.mark.parametrize(
    ("name", "segment"),
    [
        ("customers-00000000000{}.csv", "customers"),
        ("customers_0000{}.csv.gz", "customers"),
        ("Best customers_0_{}_0.csv.gz", "Best customers"),
        ("data_{}.parquet", "data"),
        ("customers000{}_part_00", "customers"),
    ],
)
def test_shards_in_no_folder_are_one_segment_by_their_name(name: str, segment: str) -> None:
    files = [blob(name.format(number), number) for number in range(3)]
    waiting = found(*files[:2], name=segment)
    assert waiting.newest is None
    assert waiting.incomplete is not None
    newest = found(*files, name=segment, at=605).newest
    assert newest is not None
    assert [file.path for file in newest.files] == [file.name for file in files]
    single = found(files[0], name=segment, at=605).newest
    assert single is not None
    assert single.path == files[0].name
    assert list(classify(files, NOON).segments) == [segment]


@pytest.mark.parametrize(
    "name",
    [
        "part-00000.csv",
        "0_0_0.csv",
        "000000000000.csv",
        "000000_0",
        "1f6a7c1e-0a1b-4c2d-8e3f-000000000001_0_0.csv",
    ],
)
def test_shards_in_no_folder_whose_names_say_no_segment_are_refused(name: str) -> None:
    [(_, files)] = classify([blob(name)], NOON).segments.items()
    assert files.newest is None
    assert files.awaited is not None
    assert "one of several files" in str(files.awaited.reason)


GUID = "1f6a7c1e-0a1b-4c2d-8e3f-000000000001"
DAY = 24 * 60 * 60
WRITTEN_OVER = [
    "S/x-00000000000{}.csv",
    "S/data_0_{}_0.csv.gz",
    "S/d/part-0000{}.csv",
    "S/part-{}.parquet",
]


@pytest.mark.parametrize("marker", ["_SUCCESS", "manifest.json", None])
@pytest.mark.parametrize("name", WRITTEN_OVER)
def test_what_is_left_of_a_larger_set_is_no_part_of_the_one_in_its_place(
    name: str, marker: str | None
) -> None:
    folder = name[: name.rfind("/") + 1]
    files = [
        *(blob(name.format(number), number) for number in (2, 3)),
        *(blob(name.format(number), DAY + number) for number in (0, 1)),
    ]
    marks = [blob(folder + marker, DAY + 5)] if marker else []
    newest = found(*files, *marks, at=2 * DAY).newest
    assert newest is not None
    assert [file.path for file in newest.files] == [name.format(0), name.format(1)]
    waiting = found(*files, *marks[:0], at=DAY + 60)
    assert waiting.newest is None or waiting.newest.modified < NOON + timedelta(seconds=DAY)


@pytest.mark.parametrize(
    ("name", "late"),
    [
        (f"S/part-0000{{}}-{GUID}-c000.csv", (0,)),  # of one write, whose first part took long
        ("S/part-0000{}.csv", (0, 2)),  # numbers between, which a smaller set would have, too
        ("S/part-0000{}.csv", (2, 3)),
        ("S/x-00000000000{}.csv", (2, 3)),
        (f"S/data_{GUID}_006_{{}}_0.csv", (0,)),
    ],
)
def test_files_that_a_marker_closes_are_of_one_set_however_long_they_took(
    name: str, late: tuple[int, ...]
) -> None:
    files = [blob(name.format(number), DAY * (number in late)) for number in range(4)]
    newest = found(*files, blob("S/_SUCCESS", DAY + 5), at=DAY + 6).newest
    assert newest is not None
    assert len(newest.files) == 4


def test_json_and_ndjson_are_one_format() -> None:
    one = version(blob("S/part-00000.json"), blob("S/part-00001.ndjson"), blob("S/_SUCCESS"))
    assert len(one.sources) == 2
