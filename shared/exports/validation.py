"""Checking what somebody chose for an export against the destination and the segments."""

from collections.abc import Iterable, Sequence

from shared.connections.check import signed_in
from shared.connections.lookups import list_meant
from shared.destinations.contract import Destination
from shared.destinations.model import Field, ListInfo
from shared.domain.connection import Connection, Move
from shared.domain.errors import BadSegment, Conflict, Culprit, Invalid, MemberPath, NeedsAttention
from shared.domain.export import Export
from shared.domain.message import Message, say
from shared.domain.people import Caller
from shared.domain.segment import Segment
from shared.segments.formats.names import column_name, it_has
from shared.segments.stats import find_segment
from shared.services import Services
from shared.storage.entries import ALL


async def usable_connection(services: Services, caller: Caller, key: str) -> Connection:
    """Return a connection that the caller can put an export on.

    Raise Invalid when there is none that the caller may see, Conflict when it is not ready.
    """
    stored = await services.storage.connections.get(ALL, key)
    if stored is None or not stored.value.may_be_used_by(caller):
        raise Invalid(("connection_id",), say("There is no such connection."))
    stored.value.require(Move.USE)
    return stored.value


async def check_destination(services: Services, connection: Connection, choices: Export) -> Export:
    """Check all that the destination has a say in; return the choices with the list's own id and name.

    Raise Invalid, Conflict or TryLater.
    """
    destination = services.destinations[connection.destination]
    check_clears(destination, choices)
    check_options(destination, choices.options)
    found, fields = await _list_and_fields(services, connection, choices.list_id)
    check_fields(destination, fields, choices.fields)
    await _require_same_account(services, connection)
    return choices.model_copy(update={"list_id": found.id, "list_name": found.name})


async def _require_same_account(services: Services, connection: Connection) -> None:
    """Raise Conflict if another account was connected while the destination was asked.

    Its lists are others, and may have the same ids.
    """
    stored = await services.storage.connections.get(ALL, connection.id)
    if stored is None or _account_id(stored.value) != _account_id(connection):
        raise Conflict(
            say(
                "The connection was removed or connected to another account meanwhile. Begin again."
            )
        )


def _account_id(connection: Connection) -> str | None:
    return connection.account.id if connection.account else None


async def _list_and_fields(
    services: Services, connection: Connection, list_id: str
) -> tuple[ListInfo, Sequence[Field]]:
    """Return a list and its fields; raise Invalid when there is none that this may mean."""
    try:
        async with signed_in(services, connection) as (destination, api):
            found = await list_meant(destination, api, list_id)
            return found, await destination.fields_of(api, found.id)
    except NeedsAttention as error:
        if error.culprit is not Culprit.LIST:
            raise
        raise Invalid(("list_id",), error.reason) from None


def check_fields(destination: Destination, fields: Sequence[Field], mapped: Iterable[str]) -> None:
    """Raise Invalid unless every mapped field is among `fields` and every required one is mapped."""
    known = {field.name for field in fields}
    chosen = set(mapped)
    for name in sorted(chosen - known):
        there = it_has([field.name for field in fields])
        what = say(
            "{destination} has no such field. {there}", destination=destination.title, there=there
        )
        raise Invalid(("fields", name), what)
    for field in fields:
        if field.required and field.name not in chosen:
            members = ("fields", field.name)
            raise Invalid(
                members, say("Say which column holds this field: {field}.", field=field.title)
            )


def check_clears(destination: Destination, choices: Export) -> None:
    """Raise Invalid unless the fields that an empty cell clears are mapped, and none is the address."""
    address = destination.fields[0]
    for index, name in enumerate(choices.clear_when_empty):
        members = ("clear_when_empty", index)
        if name == address.name:
            raise Invalid(
                members, say("This field cannot be cleared: {field}.", field=address.title)
            )
        if name not in choices.fields:
            raise Invalid(members, say("No column is mapped to this field."))
        if name in choices.clear_when_empty[:index]:
            raise Invalid(members, say("This field is named twice."))


def check_options(destination: Destination, chosen: Sequence[str]) -> None:
    """Raise Invalid unless the destination has the options."""
    known = [option.name for option in destination.options]
    for index, name in enumerate(chosen):
        if name not in known:
            what = say(
                "{destination} has no such option. {there}",
                destination=destination.title,
                there=it_has(known),
            )
            raise Invalid(("options", index), what)
        if name in chosen[:index]:
            raise Invalid(("options", index), say("This option is named twice."))


async def check_segments(services: Services, choices: Export) -> None:
    """Raise Invalid unless the segments exist and each holds every mapped column once."""
    seen: set[str] = set()
    for index, name in enumerate(choices.segments):
        if name in seen:
            raise Invalid(("segments", index), say("This segment is named twice."))
        seen.add(name)
        segment = await _segment(services, name, ("segments", index))
        for field, column in choices.fields.items():
            name = column_name(column)
            if segment.columns.count(name) != 1 and name not in segment.stats.earlier:
                raise Invalid(("fields", field), _not_one(column, segment))


async def _segment(services: Services, name: str, members: MemberPath) -> Segment:
    storage, now = services.storage, services.clock.now()
    try:
        segment = await find_segment(
            storage.segments, storage.versions, storage.readings, name, now
        )
    except BadSegment as error:
        raise Invalid(members, error.reason) from None
    if segment is None:
        raise Invalid(members, say("There is no such segment."))
    return segment


def _not_one(column: str, segment: Segment) -> Message:
    if column_name(column) in segment.columns:
        return say(
            "The segment {segment} has more than one column {column}. A field is filled from one.",
            segment=segment.name,
            column=column,
        )
    alike = [each for each in segment.columns if each.casefold() == column.casefold()]
    if alike:
        return say(
            "The segment {segment} has no column {column}, but {alike}. Columns are compared "
            "exactly, upper and lower case included.",
            segment=segment.name,
            column=column,
            alike=alike[0],
        )
    return say(
        "The column {column} is not in the segment {segment}. {there}",
        column=column,
        segment=segment.name,
        there=it_has(segment.columns),
    )
