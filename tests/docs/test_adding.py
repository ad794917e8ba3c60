"""The fictional destination is what docs/adding-a-destination.md says, line by line but for its imports."""

import ast
import re
from collections.abc import Sequence
from dataclasses import fields

import pytest

from shared.destinations.contract import ApiKey, Destination, ListsJobs, OAuth2, PollsJobs
from shared.destinations.model import About, Limits
from tests.docs.pages import ROOT, blocks, code, rows, section

PAGE = (ROOT / "docs/adding-a-destination.md").read_text()
POSTBOX = (ROOT / "tests/contract/postbox/destination.py").read_text()
_IMPORTS = re.compile(r"^(?:from .* import (?:\([^)]*\)|.*)|import .*)\n", re.MULTILINE)


def lines(text: str) -> list[str]:
    """Return lines without the space around them: a method stands on the page without its class."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def test_every_line_of_the_fictional_destination_stands_on_the_page_in_its_order() -> None:
    written = lines("\n".join(blocks(PAGE, "python")))
    assert written == lines(_IMPORTS.sub("", POSTBOX))


def test_the_page_says_from_which_module_each_name_comes() -> None:
    told = {row[0]: row[1] for row in rows(section(PAGE, "### Where the names come from"))}
    for each in ast.walk(ast.parse(POSTBOX)):
        if isinstance(each, ast.ImportFrom) and str(each.module).startswith("shared."):
            file = f"({'/'.join(('..', *str(each.module).split('.')))}.py)"
            names = next(names for module, names in told.items() if file in module)
            assert [name.name for name in each.names if f"`{name.name}`" not in names] == []


def members(kind: type) -> Sequence[str]:
    return [name for name in vars(kind) if not name.startswith("_")]


def of_data(kind: type) -> Sequence[str]:
    return [each.name for each in fields(kind)]


@pytest.mark.parametrize(
    "names",
    [
        sorted(Destination.__abstractmethods__ | {"options"}),
        members(PollsJobs),
        members(ListsJobs),
        of_data(About),
        of_data(ApiKey),
        of_data(OAuth2),
        of_data(Limits),
    ],
    ids=["the contract", "PollsJobs", "ListsJobs", "About", "ApiKey", "OAuth2", "Limits"],
)
def test_the_page_names_all_that_an_author_can_say(names: Sequence[str]) -> None:
    spans = set(code(PAGE))
    assert [name for name in names if name not in spans and f"def {name}(" not in PAGE] == []
