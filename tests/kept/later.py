"""A copy as a later version might leave it: each record and message has a member that nobody here knows.

What the code before makes of what newer code wrote cannot be tried before there is newer code; this is what
it is promised to bear.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.kept.files import Blob, Copy, Entity
from tests.kept.memory import body

_MEMBER = {"of_a_later_version": {"nobody": ["knows", "it"]}}
_RECORDS = ("checkpoint",)  # of the blobs; the others are rows, or bytes


def later(copy: Copy) -> Copy:
    """Return the copy with one member more in every row of a table, checkpoint and message."""
    return replace(
        copy,
        entities=[_entity(each) for each in copy.entities],
        blobs=[_blob(each) for each in copy.blobs],
        messages=[_more(each) for each in copy.messages],
    )


def _more(text: str) -> str:
    record: Mapping[str, Any] = json.loads(text)
    return json.dumps({**record, **_MEMBER}, separators=(",", ":"), ensure_ascii=False)


def _entity(entity: Entity) -> Entity:
    others = {
        name: value for name, value in entity.properties.items() if not name.startswith("body")
    }
    return replace(entity, properties={**others, "body": ("Edm.String", _more(body(entity)))})


def _blob(blob: Blob) -> Blob:
    if not blob.name.endswith(_RECORDS):
        return blob
    return replace(blob, data=_more(blob.data.decode()).encode())
