"""The names that tools give to the files of one result."""

import pytest

from shared.segments.partitions import base_of, columns_of
from shared.segments.shards import Shard, shard_of

GUID = "1f6a7c1e-0a1b-4c2d-8e3f-000000000001"


@pytest.mark.parametrize(
    ("name", "alike", "first"),
    [
        ("customers-000000000000.csv", "customers-*.csv", True),
        ("customers-000000000017.csv.gz", "customers-*.csv.gz", False),
        ("000000000000.parquet", "*.parquet", True),
        ("data_0_0_0.csv.gz", "data_*.csv.gz", True),
        ("data_0_1_0.csv.gz", "data_*.csv.gz", False),
        ("data_0_0_0.snappy.parquet", "data_*.snappy.parquet", True),
        ("0_0_0.csv", "*.csv", True),
        (f"data_{GUID}_006_4_0.snappy.parquet", f"data_{GUID}_*.snappy.parquet", True),
        (f"{GUID}_3_1-2.parquet", f"{GUID}_*.parquet", True),
        ("000000_0", "*", True),
        ("000001_0.gz", "*.gz", False),
        ("000000_1", "*", True),
        ("000000_0_copy_1", "*_copy_1", True),
        ("customers0000_part_00", "customers*", True),
        ("customers_0003_part_01.gz", "customers_*.gz", False),
        ("0000_part_00.parquet", "*.parquet", True),
        ("customers.part_00000", "customers.part_*", True),
        ("customers_00000.csv", "customers_*.csv", True),
        ("customers_00001.csv", "customers_*.csv", True),
        ("customers_00002.csv", "customers_*.csv", False),
        ("QID2177_20261130_155453_0.parquet", "QID2177_20261130_155453_*.parquet", True),
        ("run-1764491640123-part-r-00003", "run-1764491640123-part-r-*", True),
        ("run-1764491640123-part-00003.json", "run-1764491640123-part-*.json", True),
        ("data_0.parquet", "data_*.parquet", True),
        ("data_11.csv", "data_*.csv", False),
        ("part.0.parquet", "part.*.parquet", True),
        (f"20261130_090000_00012_a2b3c_{GUID}", "20261130_090000_00012_a2b3c_*", True),
        (f"00002-2-{GUID}-00001.parquet", "*.parquet", True),
    ],
)
def test_a_numbered_file_is_one_of_those_that_differ_in_the_number_alone(
    name: str, alike: str, first: bool
) -> None:
    is_named = GUID in name or name.startswith(("20261130", "run-"))
    assert shard_of(name) == Shard(alike, first, is_named)


@pytest.mark.parametrize(
    "name",
    [
        "customers.csv",
        "1.csv",
        "2026-11-30.csv",
        "2026_11_30.csv",
        "customers_2026_11_30.csv",
        "customers-202611300900.csv",
        "customers-20261130.csv",
        "customers_12345.csv",
        "customers_1.csv",
        "data_2026.csv",
        "202611_1.csv",
        "data_0_0_0",
        "customers-000000000000.xlsx",
        "customers",
        "",
    ],
)
def test_what_is_numbered_for_another_reason_or_not_at_all_is_no_shard(name: str) -> None:
    assert shard_of(name) is None


@pytest.mark.parametrize(
    ("path", "base", "columns"),
    [
        ("S/VIP=true/data_0.csv", "S/", {"VIP": "true"}),
        ("S/run/c=SE/city=Malm%C3%B6/part-0.csv", "S/run/", {"c": "SE", "city": "Malmö"}),
        ("S/VIP=__HIVE_DEFAULT_PARTITION__/1.csv", "S/", {"VIP": ""}),
        ("S/at=2026-11-30 09%3A00/1.csv", "S/", {"at": "2026-11-30 09:00"}),
        ("S/a=b=c/1.csv", "S/", {"a": "b=c"}),
        ("S/a=/1.csv", "S/", {"a": ""}),
        ("S/=b/1.csv", None, {}),
        ("S/run/a=b.csv", None, {}),
        ("a=b/1.csv", None, {}),
        ("a=b.csv", None, {}),
    ],
)
def test_folders_tell_columns(path: str, base: str | None, columns: dict[str, str]) -> None:
    assert (base_of(path), columns_of(path)) == (base, columns)
