"""The messages of the code, found in its syntax, and the catalogues that translate them."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from shared.domain.message import Message
from shared.domain.people import Language
from shared.languages.rendering import catalogue

ROOT = Path(__file__).parents[2]
TRANSLATED = [Language.SWEDISH, Language.FRENCH]
TEXTS = {"say": 1, "say_count": 2}
"""How many texts each of the two functions takes."""


def calls() -> Iterator[tuple[str, str, list[ast.expr]]]:
    """Yield where a message is made, by which function, and the texts that it is given."""
    for file in sorted((ROOT / "shared").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            name = node.func.id
            if name in TEXTS:
                yield f"{file.relative_to(ROOT)}:{node.lineno}", name, node.args[: TEXTS[name]]


@cache
def messages() -> dict[str, str | None]:
    """Return every message of the code: its text, and what it is for many."""
    found: dict[str, str | None] = {}
    for _, _, texts in calls():
        said = [text.value for text in texts if isinstance(text, ast.Constant)]
        found[str(said[0])] = str(said[1]) if len(said) > 1 else None
    return found


@cache
def translations(language: Language) -> Catalog:
    """Return the catalogue of a language."""
    with catalogue(language).open("rb") as file:
        return read_po(file, locale=language)


def placeholders(text: str) -> set[str]:
    """Return the names that are filled in; raise ValueError for what is no template."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def filled(text: str, many: str | None, value: str | int | Message, count: int) -> Message:
    """Return a message whose every placeholder holds `value`, but for the count."""
    names = placeholders(text) | placeholders(many or "")
    values = dict.fromkeys(names, value)
    return Message(text=text, many=many, values=values | {"count": count} if many else values)
