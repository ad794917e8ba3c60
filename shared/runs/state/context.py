"""The context of a run: the export, connection and account that it works for, unless one is gone."""

from dataclasses import dataclass

from shared.destinations.contract import Destination
from shared.destinations.model import Target
from shared.domain.connection import Account, Connection
from shared.domain.export import Export
from shared.domain.message import Message, say
from shared.domain.run import Run
from shared.storage.entries import ALL
from shared.storage.ports import Storage


@dataclass(frozen=True, slots=True)
class RunContext:
    """The export that a run executes, and where it goes."""

    export: Export
    connection: Connection
    account: Account


async def load_context(storage: Storage, run: Run) -> RunContext | Message:
    """Return the context of a run, or why there is none any more."""
    export = await storage.exports.get(ALL, run.export_id)
    if export is None:
        return say("The export was removed.")
    if export.value.connection_id is None:
        return say("The export was detached from its connection.")
    if export.value.target_digest != run.target_digest:
        # A change is refused while a run is not over. This one began in the same moment, or had
        # stopped for want of a sign-in; what it prepared is not for the list of today.
        return say("The export was changed after this run began. Run it again.")
    connection = await storage.connections.get(ALL, export.value.connection_id)
    if connection is None or connection.value.account is None:
        return say("The connection of the export was removed.")
    return RunContext(export.value, connection.value, connection.value.account)


def target_of(export: Export, destination: Destination, reports: str) -> Target:
    """Return where the profiles of an export go; a destination can post reports to `reports`."""
    mapped = [field for field in export.fields if field != destination.fields[0].name]
    return Target(
        export.list_id,
        mapped,
        export.clear_when_empty,
        export.options,
        reports,
        [export.fields[field] for field in mapped],
        export.strict_fields,
    )
