"""Every file of the product is easy to find and to read: what import-linter does not see of that."""

import ast
import re
from pathlib import Path

import pytest

from local.processes import ROOT

PRODUCT = sorted(
    path for folder in ("functions", "shared") for path in (ROOT / folder).rglob("*.py")
)
MODULES = [path for path in PRODUCT if path.name != "__init__.py"]
PACKAGES = [path for path in PRODUCT if path.name == "__init__.py"]

MOST_MODULES = 15  # of a folder
MOST_LINES = 300  # of a module

USE_CASES = {
    room: [path for path in PRODUCT if path.is_relative_to(ROOT / "shared" / room)]
    for room in (
        "triggers",
        "runs",
        "exports",
        "schedules",
        "connections",
        "people",
        "records",
        "services.py",
    )
}
_URL_PATH = re.compile(r"/[\w{<]|.*/api/|https?://", re.DOTALL)


def url_paths(source: str) -> list[str]:
    """Return the texts in some code that look like paths of URLs, parts of f-strings among them."""
    tree = ast.parse(source)
    docstrings = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)
    }  # also those of constants, which stand behind them
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and id(node) not in docstrings
        if isinstance(node.value, str) and _URL_PATH.match(node.value)
    ]


def is_docstring_alone(source: str) -> bool:
    body = ast.parse(source).body
    return len(body) == 1 and ast.get_docstring(ast.Module(body, [])) is not None


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("room", USE_CASES)
def test_a_use_case_holds_no_path_of_a_url(room: str) -> None:
    assert USE_CASES[room] != []
    found = {named(path): url_paths(path.read_text()) for path in USE_CASES[room]}
    assert {path: texts for path, texts in found.items() if texts} == {}


@pytest.mark.parametrize(
    "planted",
    [
        'PATH = "/reports"',
        'raise Invalid("/fields/email", why)',
        'raise Invalid(f"/fields/{name}", why)',
        'url = f"{base}/api/v1/reports/{run}"',
        'url = f"{base}/oauth/done"',
        'url = base + "v1/api/runs"',
        'def f(path="/done"): "Docstring."',
        'url = "https://exports.example/"',
    ],
)
def test_a_planted_path_is_found(planted: str) -> None:
    assert len(url_paths(planted)) == 1


@pytest.mark.parametrize(
    "harmless",
    [
        '"""GET /api/v1/runs."""',
        'def f():\n    "/api/v1/runs"',
        'LIMIT = 5\n"/api/v1 takes so many."',
        'path = f"{run}/{part}"',
        'path = "runs/parts"',
        'parts = path.split("/")',
    ],
)
def test_docstrings_and_separators_are_no_paths(harmless: str) -> None:
    assert url_paths(harmless) == []


@pytest.mark.parametrize("folder", sorted({path.parent for path in MODULES}), ids=named)
def test_a_folder_has_few_enough_modules_to_be_read_as_a_list(folder: Path) -> None:
    assert len([path for path in MODULES if path.parent == folder]) <= MOST_MODULES


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_a_module_is_no_longer_than_one_can_keep_in_mind(path: Path) -> None:
    lines = path.read_text().count("\n")
    assert lines <= MOST_LINES


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_a_module_says_first_what_it_does(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


# Cold starts, and the late import of what is large, depend on packages that load nothing by themselves.
@pytest.mark.parametrize("path", PACKAGES, ids=named)
def test_a_package_is_a_docstring_alone(path: Path) -> None:
    assert is_docstring_alone(path.read_text())


@pytest.mark.parametrize("source", ["", "import os", '"""Doc."""\nimport os', '"""Doc."""\nA = 1'])
def test_a_package_that_does_more_is_found(source: str) -> None:
    assert not is_docstring_alone(source)
