"""A destination is one folder: `destination.py` first, the same few names in each, no file too long."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.contract.destinations.side import Side
from tests.contract.destinations.sides import SIDES

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "shared/destinations"
POSTBOX = ROOT / "tests/contract/postbox"
SHARED = {"encoding"}  # folders that are no vendor's
NAMES = {"__init__", "destination", "profiles", "answers", "jobs"}
LONGEST = 200  # lines

VENDORS = sorted(
    each
    for each in FOLDER.iterdir()
    if (each / "__init__.py").is_file() and each.name not in SHARED
)


def lines(file: Path) -> int:
    return len(file.read_text().splitlines())


def test_each_destination_has_the_folder_of_its_name_and_is_kept_apart_from_the_others() -> None:
    names = [each.name for each in VENDORS]
    assert sorted(make().destination.name for make in SIDES.values()) == sorted([*names, "postbox"])
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    [apart] = [each for each in contracts["contracts"] if each["type"] == "independence"]
    assert apart["modules"] == [f"shared.destinations.{name}" for name in names]


@pytest.mark.parametrize("folder", [*VENDORS, POSTBOX], ids=lambda each: each.name)
def test_a_folder_has_the_same_few_files_and_none_is_too_long(folder: Path) -> None:
    files = {each.stem: each for each in folder.glob("*.py")}
    sandbox = {"sandbox"} if folder == POSTBOX else set()  # which the others have elsewhere
    assert {"__init__", "destination"} <= files.keys() <= NAMES | sandbox
    assert {name: lines(each) for name, each in files.items() if lines(each) > LONGEST} == {}
    assert not [each for each in folder.iterdir() if each.is_dir() and each.name != "__pycache__"]


@pytest.mark.parametrize("name", SIDES)
def test_the_class_of_a_destination_is_in_the_file_of_that_name(name: str) -> None:
    side: Side = SIDES[name]()
    assert type(side.destination).__module__.endswith(f".{side.destination.name}.destination")


def test_a_vendor_that_uses_another_vendors_file_is_found(tmp_path: Path) -> None:
    for name in ("shared", "functions", "local"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("node_modules"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    answers = tmp_path / "shared/destinations/mailchimp/answers.py"
    answers.write_text(
        f"{answers.read_text()}\nfrom shared.destinations.activecampaign.answers import queued\n"
    )
    lint = Path(sys.executable).with_name("lint-imports")
    found = subprocess.run(  # noqa: S603 - our own environment
        [lint, "--no-cache"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    said = " ".join(found.stdout.split())
    assert found.returncode == 1, found.stdout
    assert "A vendor knows no other vendor BROKEN" in said
    assert "mailchimp.answers -> shared.destinations.activecampaign.answers" in said
