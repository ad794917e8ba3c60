"""Segment files as some seventy real writers write the same twelve made-up people, and who must arrive."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
_ROWS: Sequence[Mapping[str, Any]] = json.loads((HERE / "people.json").read_text())["rows"]
_TOLD: Mapping[str, Mapping[str, Any]] = json.loads((HERE / "expected.json").read_text())

type Value = str | Decimal | bool | datetime | None


@dataclass(frozen=True)
class Writer:
    """What one writer makes of the people, in its folder of `files`."""

    name: str
    told: Mapping[str, Any]

    @property
    def files(self) -> Sequence[tuple[str, bytes]]:
        """The paths and contents of its files."""
        folder = HERE / "files" / self.name
        return [(path, (folder / path).read_bytes()) for path in self.told["files"]]

    @property
    def encoding(self) -> str | None:
        """What its reading has to say, as no mark does."""
        return self.told.get("encoding")

    @property
    def damaged(self) -> frozenset[str]:
        """The addresses of people whose rows nobody can read back."""
        return frozenset(self.told.get("badRows", ()))

    def cells(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what the file says, by address and column, as far as it can be read at all."""
        written: Mapping[str, Mapping[str, Any]] = self.told.get("cells", {})
        instants: Mapping[str, Mapping[str, Any]] = self.told.get("cellsIso", {})
        return {
            row["Email"]: {
                **row,
                **written.get(row["Email"], {}),
                **instants.get(row["Email"], {}),
            }
            for row in _ROWS
        }

    def is_same_double(self, address: str, column: str) -> bool:
        """Say whether a number has digits that its double does not tell apart."""
        return column in self.told.get("sameDouble", {}).get(address, {})


WRITERS: Mapping[str, Writer] = {name: Writer(name, told) for name, told in _TOLD.items()}
"""By the names of their folders."""


def value_of(column: str, cell: object) -> Value:
    """Return what a cell means; raise ValueError or ArithmeticError for one that means nothing.

    A time without a zone is UTC. Blanks around texts mean nothing, and what is empty is nothing.
    """
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None
    text = str(cell).strip()
    match column:
        case "Spend" | "Visits":
            return Decimal(text.replace(",", "."))
        case "VIP":
            return {"true": True, "false": False}[text.lower()]
        case "Birthday" | "Updated":
            at = datetime.fromisoformat(text)
            return at if at.tzinfo else at.replace(tzinfo=UTC)
        case _:
            return text
