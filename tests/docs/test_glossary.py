"""The glossary: each word stands for one thing, and the code has it where the page says."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

SHARED = ROOT / "shared"
PAGE = (ROOT / "docs" / "glossary.md").read_text()
ROW = re.compile(
    r"^\| ([^|]+) \| [^|]+ \| `(\w+)` \| \[`([\w/.]+)`\]\(\.\./shared/\3\) \|$", re.MULTILINE
)
ROWS = ROW.findall(PAGE)
# What callers of the API know; each module has names of its own for what stands in a body.
NOT_ROOMS = {"api/routes", "api/schemas", "api/openapi"}


def defined(module: ast.Module, *, public: bool = False) -> Iterator[str]:
    """Yield the names of what a module defines: of its public classes only, or of members, too."""
    nodes = module.body if public else list(ast.walk(module))
    for node in nodes:
        match node:
            case ast.ClassDef(name=name) | ast.TypeAlias(name=ast.Name(id=name)):
                if not (public and name.startswith("_")):
                    yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if not public:
                yield name
            case ast.AnnAssign(target=ast.Name(id=name)) if not public:
                yield name
            case ast.Attribute(attr=name, ctx=ast.Store()) if not public:
                yield name


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def packages() -> list[Path]:
    found = (path.parent for path in SHARED.rglob("*.py") if path.name != "__init__.py")
    return sorted({folder for folder in found if folder != SHARED})


def test_every_row_has_all_its_cells_and_rows_are_sorted() -> None:
    assert PAGE.count("\n| ") == len(ROWS) + 1  # the heads of the columns
    words = [word for word, _, _ in ROWS]
    assert words == sorted(words, key=str.casefold)


def test_no_word_and_no_name_stands_for_two_things() -> None:
    words = Counter(word.casefold() for word, _, _ in ROWS)
    assert [word for word, times in words.items() if times > 1] == []


@pytest.mark.parametrize(("word", "name", "room"), ROWS, ids=[word for word, _, _ in ROWS])
def test_a_word_is_in_its_room(word: str, name: str, room: str) -> None:
    assert name in set(defined(parsed(SHARED / room))), f"{word}: {room} defines no {name}"


@pytest.mark.parametrize("package", packages(), ids=lambda each: str(each.relative_to(SHARED)))
def test_every_room_is_the_room_of_a_word(package: Path) -> None:
    name = str(package.relative_to(SHARED))
    rooms = {str(Path(room).parent) for _, _, room in ROWS}
    inside = any(room == name or room.startswith(f"{name}/") for room in rooms)
    vendor = package.parent.name == "destinations" and (package / "destination.py").exists()
    format_of = package.parent.name == "formats"  # of the word that the folder above has
    assert inside or vendor or format_of or name in NOT_ROOMS


def test_no_two_classes_of_the_product_have_one_name() -> None:
    places: dict[str, list[str]] = {}
    for path in sorted(SHARED.rglob("*.py")):
        for name in defined(parsed(path), public=True):
            places.setdefault(name, []).append(str(path.relative_to(ROOT)))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_a_name_that_is_not_there_is_found() -> None:
    module = ast.parse("class Run:\n    status: str\n\ndef start() -> None: ...\n")
    assert set(defined(module)) == {"Run", "status", "start"}
    assert set(defined(module, public=True)) == {"Run"}
