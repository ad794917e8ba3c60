"""The folder that a deployment consists of, and what Azure installs beside it."""

import hashlib
import shutil
import subprocess
import sys
from importlib.metadata import files
from pathlib import Path

from local.processes import ROOT

PINS = ROOT / "requirements.txt"


def ignored() -> list[str]:
    """Return the names that .funcignore leaves out, wherever they stand."""
    lines = (ROOT / ".funcignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def build(folder: Path) -> Path:
    """Make the folder that is deployed."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*ignored()))
    return folder


def install() -> Path:
    """Return a folder with what requirements.txt names and nothing else, installed once for each lock.

    That is what Azure does when it builds the app. pip is asked by uv's faster way to the same, which
    refuses, too, whatever has no matching hash.
    """
    digest = hashlib.sha256(PINS.read_bytes() + sys.version.encode()).hexdigest()[:16]
    kept = ROOT / ".local" / "deployment"
    target = kept / digest
    if not target.exists():
        shutil.rmtree(kept, ignore_errors=True)
        draft = kept / f"{digest}.draft"
        options = [
            "--quiet",
            "--require-hashes",
            "--target",
            str(draft),
            "--python",
            sys.executable,
        ]
        command = [
            sys.executable,
            "-m",
            "uv",
            "pip",
            "install",
            *options,
            "--requirement",
            str(PINS),
        ]
        subprocess.run(command, check=True)  # noqa: S603 - our own interpreter
        draft.rename(target)
    return target


def worker(folder: Path) -> Path:
    """Make a folder with what Azure brings along, and the stand-in for its host: no part of the app."""
    host = ("uvicorn", "click", "croniter", "python-dateutil")  # what the stand-in needs
    for package in ("azure-functions-runtime", *host):
        for file in files(package) or ():
            if ".." not in file.parts:  # scripts
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(str(file.locate()), folder / file)
    (folder / "local").symlink_to(ROOT / "local")
    return folder
