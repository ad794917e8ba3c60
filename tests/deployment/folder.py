"""The folder that a deployment consists of, as azd makes it, and what Azure brings along beside it."""

import os
import shutil
import subprocess
import sys
from importlib.metadata import files
from pathlib import Path

from pathspec import GitIgnoreSpec

from local.processes import ROOT

PINS = ROOT / "requirements.txt"
PACKAGES = Path(".python_packages/lib/site-packages")
# Never in a clean checkout, and large: leaving them out here only saves the time of copying them.
_MADE_HERE = (".venv", ".scan", ".local", ".git", ".*_cache", ".hypothesis", "node_modules")


def build(folder: Path) -> Path:
    """Make the folder that is deployed: what infra/package.sh makes of a checkout, less .funcignore."""
    checkout, app = folder / "checkout", folder / "app"
    shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(*_MADE_HERE))
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    script = checkout / "infra/package.sh"
    subprocess.run([script], env=os.environ | {"PATH": tools}, check=True)  # noqa: S603 - ours
    left_out = GitIgnoreSpec.from_lines((checkout / ".funcignore").read_text().splitlines())
    for path in sorted(left_out.match_tree_files(checkout, negate=True)):
        (app / path).parent.mkdir(parents=True, exist_ok=True)
        (checkout / path).rename(app / path)
    return app


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
