"""Taking the connection of an export away, and giving it another one."""

from shared.domain.audit import Action
from shared.domain.connection import Connection
from shared.domain.errors import Conflict, Invalid
from shared.domain.export import Export
from shared.domain.message import say
from shared.domain.people import Caller
from shared.domain.run import RunStatus
from shared.exports.manage import find_to_edit, recent, replace_export, require_no_run
from shared.exports.schemas import Attachment
from shared.exports.validation import check_destination, check_segments, usable_connection
from shared.exports.views import connection_of
from shared.records.records import ReadVersions
from shared.services import Services
from shared.storage.paths import parts_folder
from shared.storage.ports import Stored


async def detach_export(
    services: Services, caller: Caller, key: str, read: ReadVersions
) -> Stored[Export]:
    """Make an export inactive: nothing runs it, and its connection can be removed.

    What its list was told last is forgotten, and so are the prepared profiles of a run that waits for
    a sign-in. Raise NotFound, NotAllowed, Outdated, or Conflict while a run is not over.
    """
    stored = await find_to_edit(services, caller, key, read)
    detached = stored.value.detached()
    await require_no_run(
        services, key, say("A run of this export is under way. Detach the export when it is over.")
    )
    replaced = await replace_export(services, caller, Action.EXPORT_DETACHED, stored, detached)
    await services.storage.delivered.delete(f"{key}/")
    for run in await recent(services, key):
        if run.status is RunStatus.SKIPPED:
            await services.storage.run_files.delete(parts_folder(run.id))
    return replaced


async def attach_export(
    services: Services, caller: Caller, key: str, read: ReadVersions, attachment: Attachment
) -> Stored[Export]:
    """Put a detached export on a connection of the same destination; its next run sends everything.

    Raise NotFound, NotAllowed, Outdated, Conflict when it has a connection or that cannot be used,
    Invalid or TryLater.
    """
    stored = await find_to_edit(services, caller, key, read)
    before = stored.value
    if await connection_of(services, before.connection_id) is not None:
        raise Conflict(say("The export has a connection. Detach it first: POST …/detach."))
    connection = await usable_connection(services, caller, attachment.connection_id)
    _require_same_destination(services, before, connection)
    after = before.attached(connection, services.clock.now())
    after = after.model_copy(update=attachment.given())
    if after.fields != before.fields:
        await check_segments(services, after)
    after = await check_destination(services, connection, after)
    return await replace_export(services, caller, Action.EXPORT_ATTACHED, stored, after)


def _require_same_destination(services: Services, export: Export, connection: Connection) -> None:
    if connection.destination != export.destination:
        raise Invalid(
            ("connection_id",),
            say(
                "The connection {connection} is to {there}, and the export sends to {here}. Attach a "
                "connection to {here}, or create another export.",
                connection=connection.display_name,
                there=services.destinations[connection.destination].title,
                here=services.destinations[export.destination].title,
            ),
        )
