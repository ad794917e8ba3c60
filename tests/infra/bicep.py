"""Microsoft's Bicep compiler: what it says of the templates, and what they come to once evaluated.

`python -m tests.infra.bicep` compiles, lints and formats the project's templates; whatever the compiler
prints is a finding, since it takes much of what is wrong (a misspelt property) for a warning.
"""

import filecmp
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.docs.pages import ROOT

INFRA = ROOT / "infra"
ROOTS = ("main.bicep", "events.bicep")
"""What is deployed, by azd and by subscribe.sh; all others are modules of these."""

NONE_FOUND = (
    "The templates were not compiled: there is no Bicep CLI. Install it (`az bicep install`), "
    "or say in the variable BICEP where it is."
)
SUBSCRIPTION = "0f0f0f0f-0f0f-0f0f-0f0f-0f0f0f0f0f0f"
TENANT = "0e0e0e0e-0f0f-0f0f-0f0f-0f0f0f0f0f0f"

_TOOLS = ROOT.parent / "shared" / "tools"
_GRAPH_TYPES = "msgraph-v1.0-1.0.0.tgz"  # of the extension that bicepconfig.json names
# It needs no languages, and then no library of them either.
_ENVIRONMENT = {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}


def compiler() -> Path | None:
    """Return the compiler: of the variable BICEP, beside the project, the Azure CLI's, or on PATH."""
    named = os.environ.get("BICEP")
    places = [Path(named)] if named else [_TOOLS / "bicep", Path.home() / ".azure/bin/bicep"]
    found = [place for place in places if place.is_file()]
    on_path = None if named else shutil.which("bicep")
    return next(iter([*found, *([Path(on_path)] if on_path else [])]), None)


def copied(to: Path, infra: Path = INFRA) -> Path:
    """Copy templates to a folder to work on, with the types of the Graph extension where they are at hand.

    Without them the compiler fetches them from Microsoft's registry.
    """
    folder = shutil.copytree(infra, to / "infra")
    if (bicep := compiler()) and (types := bicep.parent / _GRAPH_TYPES).is_file():
        shutil.copy(types, folder)
        config = json.loads((folder / "bicepconfig.json").read_text())
        config["extensions"]["microsoftGraphV1"] = f"./{_GRAPH_TYPES}"
        (folder / "bicepconfig.json").write_text(json.dumps(config))
    return folder


def findings(folder: Path) -> list[str]:
    """Return every line that the compiler and its linter print of a folder's templates, and bad style."""
    return sorted([*_said(folder), *_ill_formatted(folder)])


def _said(folder: Path) -> set[str]:
    """A build tells of all modules, and what the linter has to say of them."""
    builds = [_run("build", folder / name, "--stdout") for name in ROOTS]
    lines = {line for done in builds for line in done.stderr.splitlines() if line.strip()}
    lines |= {f"exit code {done.returncode} without a word" for done in builds if _is_mute(done)}
    return {line.replace(f"{folder}/", "") for line in lines}


def _ill_formatted(folder: Path) -> list[str]:
    with TemporaryDirectory() as place:
        formatted = shutil.copytree(folder, Path(place) / "infra")
        _run("format", "--pattern", formatted / "*.bicep")
        files = [file.name for file in folder.glob("*.bicep")]
        _, other, missing = filecmp.cmpfiles(folder, formatted, files, shallow=False)
    return [f"{name}: not as `bicep format` writes it" for name in [*other, *missing]]


def compiled(folder: Path, name: str) -> dict[str, Any]:
    """Return a template as Azure Resource Manager gets it."""
    template: dict[str, Any] = json.loads(_run("build", folder / name, "--stdout").stdout)
    return template


def snapshot(folder: Path, name: str, parameters: Mapping[str, object]) -> dict[str, Any]:
    """Return what a template comes to: predictedResources, diagnostics and outputs.

    Raise AssertionError with the compiler's words when it cannot be evaluated.
    """
    given = folder / f"{name}.bicepparam"
    lines = [f"param {each} = {_literal(value)}\n" for each, value in parameters.items()]
    given.write_text("".join([f"using '{name}'\n", *lines]))
    where = ("--subscription-id", SUBSCRIPTION, "--tenant-id", TENANT, "--deployment-name", "x")
    group = () if name == "main.bicep" else ("--resource-group", "rg")
    into = given.with_suffix(".snapshot.json")
    done = _run(
        *("snapshot", given, "--mode", "overwrite", *where, *group, "--location", "swedencentral")
    )
    assert into.exists(), done.stderr
    evaluated: dict[str, Any] = json.loads(into.read_text())
    return evaluated


def _run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    bicep = compiler()
    assert bicep, NONE_FOUND
    environment = os.environ | _ENVIRONMENT
    return subprocess.run(  # noqa: S603 - Microsoft's compiler
        [bicep, *arguments], env=environment, capture_output=True, text=True, check=False
    )


def _is_mute(done: subprocess.CompletedProcess[str]) -> bool:
    return bool(done.returncode) and not done.stderr.strip()


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else f"'{value}'"


def main() -> int:
    """Print what is wrong with the templates; return 1 if anything is.

    Where there is no compiler say so, and return 1 only if BICEP_REQUIRED is set, as `.ci/run` does.
    """
    if compiler() is None:
        sys.stdout.write(f"{NONE_FOUND}\n")
        return int("BICEP_REQUIRED" in os.environ)
    with TemporaryDirectory() as folder:
        found = findings(copied(Path(folder)))
    sys.stdout.writelines(f"{finding}\n" for finding in found)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
