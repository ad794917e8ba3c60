"""A kept copy as files, readable by people: what the Azure clients give of tables, blobs and queues.

`state.json` says when it was made, what else is needed of the vendors, and how the code that made it
went on from there. Each line of the others is a JSON object.
"""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Entity:
    """An entity of a table; its properties have their types, as `["Edm.String", "text"]`."""

    table: str
    partition: str
    key: str
    etag: str
    properties: Mapping[str, tuple[str, Any]]


@dataclass(frozen=True)
class Blob:
    """A blob."""

    container: str
    name: str
    etag: str
    modified: datetime
    data: bytes


@dataclass(frozen=True)
class Copy:
    """A whole copy. `messages` are bodies, of those that wait in the queue of slices."""

    at: datetime
    entities: Sequence[Entity]
    blobs: Sequence[Blob]
    messages: Sequence[str]
    secrets: Mapping[str, str]
    vendors: Mapping[str, Any]
    outcome: Mapping[str, Any]

    @property
    def begun(self) -> datetime:
        """When the vendors were first told of anybody."""
        writes = [each["at"] for of in self.vendors.values() for each in of["writes"]]
        return min(map(datetime.fromisoformat, writes))


def copies() -> list[str]:
    """Return the names of all that are kept, the oldest first."""
    return sorted(file.parent.name for file in FOLDER.glob("*/state.json"))


def write(name: str, copy: Copy) -> None:
    """Keep a copy."""
    folder = FOLDER / name
    folder.mkdir()
    state = {
        "at": copy.at.isoformat(),
        "messages": list(copy.messages),
        "secrets": dict(copy.secrets),
        "outcome": dict(copy.outcome),
    }
    (folder / "state.json").write_text(json.dumps(state, indent=1, ensure_ascii=False) + "\n")
    _write_lines(folder / "tables.jsonl", (vars(each) for each in copy.entities))
    _write_lines(folder / "blobs.jsonl", map(_of_blob, copy.blobs))
    _write_lines(folder / "vendors.jsonl", ({"vendor": v, **of} for v, of in copy.vendors.items()))


def read(name: str) -> Copy:
    """Return a copy that is kept."""
    folder = FOLDER / name
    state = json.loads((folder / "state.json").read_text())
    return Copy(
        at=datetime.fromisoformat(state["at"]),
        entities=[Entity(**each) for each in _lines(folder / "tables.jsonl")],
        blobs=[_as_blob(each) for each in _lines(folder / "blobs.jsonl")],
        messages=state["messages"],
        secrets=state["secrets"],
        vendors={each.pop("vendor"): each for each in _lines(folder / "vendors.jsonl")},
        outcome=state["outcome"],
    )


def _of_blob(blob: Blob) -> dict[str, Any]:
    shown = {**vars(blob), "modified": blob.modified.isoformat()}
    data = shown.pop("data")
    try:
        return {**shown, "text": data.decode()}
    except UnicodeDecodeError:
        return {**shown, "base64": base64.b64encode(data).decode()}


def _as_blob(shown: dict[str, Any]) -> Blob:
    text, encoded = shown.pop("text", None), shown.pop("base64", "")
    data = base64.b64decode(encoded) if text is None else text.encode()
    modified = datetime.fromisoformat(shown.pop("modified"))
    return Blob(**shown, modified=modified, data=data)


def _write_lines(file: Path, values: Iterable[Mapping[str, Any]]) -> None:
    lines = (json.dumps(each, ensure_ascii=False) + "\n" for each in values)
    file.write_text("".join(lines))


def _lines(file: Path) -> Iterable[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().split("\n") if line]
