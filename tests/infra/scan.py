"""Runs checkov over a folder of templates, and takes for a failure what checkov passes over.

It exits with 0 when it cannot parse a file, and when it breaks down on one. `python -m
tests.infra.scan` scans the project's templates; `make setup` installs checkov into `.scan`.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.infra.bicep import INFRA

CHECKOV = INFRA.parent / ".scan/bin/checkov"

# What it would find here cannot be told to it next to the resource, because the check itself breaks down.
_LEFT_OUT = {
    "CKV_AZURE_189": "takes no condition for a vault's publicNetworkAccess; CKV_AZURE_109 is the same",
}
_SUPPRESSION = re.compile(r"checkov:skip=(\w+)(?::\s*(\S.*))?")


def scan(folder: Path) -> list[str]:
    """Return what is wrong with the templates of a folder, one line each."""
    options = ["--skip-download", "--framework", "bicep", "--output", "json"]
    left_out = ",".join(_LEFT_OUT)
    done = subprocess.run(  # noqa: S603 - the project's own tool
        [CHECKOV, *options, "--skip-check", left_out, "--directory", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    return [*_unexplained(folder), *_broken(done.stderr), *found(done.stdout)]


def _unexplained(folder: Path) -> Iterator[str]:
    for file in sorted(folder.glob("*.bicep")):
        for check, reason in _SUPPRESSION.findall(file.read_text()):
            if not reason:
                yield f"{file.name}: {check} is suppressed without a reason"


def _broken(log: str) -> Iterator[str]:
    """Return the errors that checkov logs and then goes on from, or ends with."""
    yield from (line for line in log.splitlines() if "[ERROR]" in line)


def found(output: str) -> Iterator[str]:
    """Yield what a report of checkov says is wrong, or that it says nothing."""
    try:
        report: dict[str, Any] = json.loads(output)
        results, scanned = report["results"], report["summary"]["resource_count"]
    except (ValueError, KeyError):
        yield "checkov scanned nothing"
        return
    yield from (f"{file}: cannot be parsed" for file in results["parsing_errors"])
    for check in results["failed_checks"]:
        yield f"{check['file_path']}: {check['resource']}: {check['check_id']} {check['check_name']}"
    if not scanned and not results["parsing_errors"]:
        yield "checkov found no resource"


if __name__ == "__main__":
    problems = scan(INFRA)
    sys.stdout.writelines(f"{problem}\n" for problem in problems)
    sys.exit(bool(problems))
