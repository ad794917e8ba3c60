"""Rows of a segment become the JSON of one list, one by one or many at once."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared.destinations.encoding.habits import Habits
from shared.destinations.encoding.notes import Where
from shared.destinations.encoding.template import Template
from shared.destinations.encoding.values import Values
from shared.domain.email import PLAIN_LENGTH
from shared.domain.message import Message

if TYPE_CHECKING:
    from shared.destinations.encoding.columns import ColumnWriter


class ValuesEncoder:
    """The `Encoder` of values in a template."""

    def __init__(
        self, template: Template, values: Values, longest_address: int = PLAIN_LENGTH
    ) -> None:
        self._template = template
        self.values = values
        self._longest_address = min(longest_address, PLAIN_LENGTH)

    def begin(self, habits: Habits) -> None:
        """Say how the cells of the version are written whose rows come next."""
        self.values.begin(habits)

    def restart(self) -> None:
        """Forget what was noted, because everything is read anew."""
        self.values.restart()

    def encode(self, address: str, cells: Sequence[str], row: Message | None = None) -> bytes:
        """Return the JSON of one profile; raise InvalidProfile."""
        return self._template.text(address, self.values.of(cells, row))

    def encode_plain(
        self, emails: Any, cells: Sequence[Any], where: Where | None = None
    ) -> tuple[Any, Any, Any]:
        """Return addresses, their JSON, and for which rows both are right."""
        return self._writer.write(emails, cells, where)

    def notes(self) -> Sequence[Message]:
        """Return what was left out and cut, for the run's timeline."""
        return self.values.notes()

    @cached_property
    def _writer(self) -> "ColumnWriter":
        from shared.destinations.encoding.columns import ColumnWriter

        return ColumnWriter(self._template, self.values, self._longest_address)
