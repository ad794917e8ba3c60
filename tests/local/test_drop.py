"""`python -m local drop`: a file lands as upstream would land it."""

import argparse
import subprocess
import sys
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from local.__main__ import drop
from local.processes import ROOT, StackError
from local.stack import Stack
from shared.segments.formats.registry import FORMATS

COMMAND = [sys.executable, "-m", "local", "drop"]


def options(state: Path, file: Path, segment: str) -> argparse.Namespace:
    return argparse.Namespace(state=state, file=file, segment=segment)


def test_a_dropped_file_is_a_version_of_the_segment_and_dropping_it_again_replaces_it(
    stack: Stack, tmp_path: Path
) -> None:
    file = tmp_path / "today.csv"
    connection = stack.settings["DataStorage"]
    with BlobServiceClient.from_connection_string(connection) as service:
        blob = service.get_blob_client("segments", "Dropped by hand/today.csv")
        for content in (b"EMail\r\nann@example.com\r\n", b"EMail\r\nbob@example.com\r\n"):
            file.write_bytes(content)
            arguments = [str(file), "Dropped by hand", "--state", str(stack.state)]
            answer = subprocess.run(  # noqa: S603 - our own command line
                [*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
            )
            assert answer.stdout == "Dropped segments/Dropped by hand/today.csv\n"
            assert blob.download_blob().readall() == content


def test_a_folder_of_part_files_is_dropped_with_its_end_at_last(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("part-00001.csv.gz", "_SUCCESS", "part-00000.csv.gz", "_committed_1"):
        (folder / name).write_bytes(name.encode())
    assert drop(options(stack.state, folder, "Dropped folder")) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Dropped segments/Dropped folder/run/part-00000.csv.gz",
        "Dropped segments/Dropped folder/run/part-00001.csv.gz",
        "Dropped segments/Dropped folder/run/_SUCCESS",
    ]


@pytest.mark.parametrize("extension", FORMATS)
def test_every_form_can_be_dropped(tmp_path: Path, extension: str) -> None:
    file = tmp_path / f"today{extension}"
    file.write_bytes(b"")
    with pytest.raises(StackError, match="not running"):
        drop(options(tmp_path, file, "Customers"))


@pytest.mark.parametrize(
    ("name", "segment", "complaint"),
    [
        ("gone.csv", "Customers", "no file"),
        ("today.pdf", "Customers", "no segment file"),
        ("today.csv", "a/b", "no segment file"),
        ("part-00000.csv", "Customers", "no segment file"),
        ("today.csv", "CustomerInsights_1", "no segment file"),
        ("today.csv", "Customers", "not running"),
    ],
)
def test_what_cannot_be_dropped_is_refused_with_the_reason(
    tmp_path: Path, name: str, segment: str, complaint: str
) -> None:
    file = tmp_path / name
    if complaint != "no file":
        file.write_bytes(b"EMail\r\n")
    with pytest.raises(StackError, match=complaint):
        drop(options(tmp_path, file, segment))
