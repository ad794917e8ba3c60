"""The names by which others know the product, taken from the code as it runs."""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from shared.api.problems import PROBLEM_TYPES
from shared.records.app_keys import AppKey
from shared.settings import Settings, StorageAccount
from tests.functions.test_app import index
from tests.golden.stored import ports


async def names() -> dict[str, Any]:
    """Return all of them."""
    return {
        "storage": sorted({f"{each.service} {each.name}" for each in (await ports()).values()}),
        "secrets": sorted(AppKey),
        "functions": index(),
        "settings": dict(sorted([*_settings(Settings), *_settings(StorageAccount)])),
        "problems": {slug: of.status for slug, of in sorted(PROBLEM_TYPES.items())},
    }


def _settings(model: type[BaseSettings]) -> Iterator[tuple[str, Any]]:
    """Yield the settings by the names that they have in the environment, with their defaults."""
    for name, field in model.model_fields.items():
        if field.default_factory is None:
            default = field.default
            given = "(required)" if default is PydanticUndefined else default
            yield (
                str(field.validation_alias or name.upper()),
                json.loads(json.dumps(given, default=str)),
            )


async def shapes() -> list[str]:
    """Return the members of everything that is stored as JSON, one line for each kind of it."""
    kinds = {
        f"{each.service} {each.name} {json.dumps(_shape(each.model))}"
        for each in (await ports()).values()
        if each.model
    }
    return sorted(kinds)


def _shape(model: type[BaseModel]) -> Any:
    """Return the JSON schema of a model without what only people read, and without names of classes."""
    schema = model.model_json_schema()
    known = schema.get("$defs", {})

    def plain(part: Any, inside: tuple[str, ...] = (), *, members: bool = False) -> Any:
        if isinstance(part, list):
            return [plain(each, inside) for each in part]
        if not isinstance(part, dict):
            return part
        if to := part.get("$ref"):
            again = to in inside
            return "(again)" if again else plain(known[to.rpartition("/")[2]], (*inside, to))
        unread = () if members else ("title", "description", "examples", "$defs")
        return {
            name: plain(each, inside, members=name == "properties")
            for name, each in part.items()
            if name not in unread
        }

    return plain(schema)
