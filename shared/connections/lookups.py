"""What an export is built from: the lists of a connection's account, and the fields of a list."""

from collections.abc import Sequence

from shared.connections.check import signed_in
from shared.connections.manage import find_connection
from shared.destinations.contract import Api, Destination
from shared.destinations.model import Field, ListInfo
from shared.domain.connection import Connection, ConnectionStatus, Move
from shared.domain.errors import Culprit, NeedsAttention, NotFound
from shared.domain.message import say
from shared.domain.people import Caller
from shared.invisible import without_invisible
from shared.records.paging import page_of
from shared.services import Services

_SORTED_BY = 250  # characters of a name, so that a cursor stays short


async def find_lists(
    services: Services,
    caller: Caller,
    key: str,
    search: str,
    after: str,
    limit: int,
    *,
    refresh: bool = False,
) -> tuple[list[ListInfo], str | None]:
    """Return a page of the lists whose name holds `search`, by name, whatever the case of letters.

    A list whose id `search` is, or holds as the address of a page, is among them, however new it is.
    Others may be those of two minutes ago, unless they are to be read anew.

    Raise NotFound, Conflict or TryLater.
    """
    connection = await _connected(services, caller, key)
    kept, text = services.kept_lists, without_invisible(search)
    destination = services.destinations[connection.destination]
    wanted, ids = text.casefold(), _ids_in(destination, text)
    before = kept.readings

    async def read() -> Sequence[ListInfo]:
        async with signed_in(services, connection) as (asked, api):
            return await asked.lists(api)

    async def found(anew: bool) -> list[ListInfo]:
        lists = await kept.read(
            services.clock, _account(connection), read, before if anew else None
        )
        return [each for each in lists if wanted in each.name.casefold() or each.is_meant_by(ids)]

    lists = await found(refresh or _was_refused(connection))
    if not lists and text and (_is_address(text) or await _is_there(services, connection, text)):
        lists = await found(anew=True)
    return page_of(lists, _cursor_of, after, limit)


async def find_fields(
    services: Services, caller: Caller, key: str, list_id: str, *, refresh: bool = False
) -> Sequence[Field]:
    """Return the fields that an export to a list can fill; raise NotFound, Conflict or TryLater.

    They may be those of two minutes ago, unless they are to be read anew.
    """
    connection = await _connected(services, caller, key)
    kept = services.kept_fields

    async def read() -> Sequence[Field]:
        async with signed_in(services, connection) as (destination, api):
            found = await list_meant(destination, api, list_id)
            return await destination.fields_of(api, found.id)

    anew = refresh or _was_refused(connection)
    fields = (*_account(connection), without_invisible(list_id))
    try:
        return await kept.read(services.clock, fields, read, kept.readings if anew else None)
    except NeedsAttention as error:
        if error.culprit is not Culprit.LIST:
            raise
        raise NotFound(error.reason) from None


async def _connected(services: Services, caller: Caller, key: str) -> Connection:
    stored = await find_connection(services, caller, key)
    stored.value.require(Move.ASK)
    return stored.value


def _account(connection: Connection) -> tuple[str, str | None, str | None]:
    """Return what answers are kept by: who signs in anew, perhaps with another account, begins anew."""
    account = connection.account.id if connection.account else None
    return (connection.id, account, connection.secret_name)


def _was_refused(connection: Connection) -> bool:
    """Say whether the destination did not let us in lately, so that only asking tells."""
    return connection.status is ConnectionStatus.NEEDS_SIGN_IN


async def _is_there(services: Services, connection: Connection, list_id: str) -> bool:
    try:
        async with signed_in(services, connection) as (destination, api):
            await destination.look_up(api, list_id)
    except NeedsAttention as error:
        if error.culprit is not Culprit.LIST:
            raise
        return False
    return True


async def list_meant(destination: Destination, api: Api, pasted: str) -> ListInfo:
    """Return the list that somebody means by its id, or by the address of its page at the vendor.

    Raise NeedsAttention(LIST), which says what an id looks like, unless it is one list.
    """
    text = without_invisible(pasted)
    if not _is_address(text):
        try:
            return await destination.look_up(api, text)
        except NeedsAttention as error:
            if error.culprit is not Culprit.LIST:
                raise
    ids = _ids_in(destination, text)
    meant = [each for each in await destination.lists(api) if each.is_meant_by(ids)]
    if len(meant) != 1:
        raise NeedsAttention(
            Culprit.LIST,
            say(
                "{destination} has no such list. {help}",
                destination=destination.title,
                help=destination.about.list_id_help,
            ),
        )
    return meant[0]


def _is_address(text: str) -> bool:
    return "/" in text


def _ids_in(destination: Destination, text: str) -> Sequence[str]:
    if not _is_address(text):
        return [text]
    return destination.about.list_in_address.findall(text)


def _cursor_of(found: ListInfo) -> str:
    """Return where a list stands among others: by its name, and by its id where names are equal.

    Two spaces between them sort a name before all that it begins.
    """
    plain = "".join(each for each in found.name.casefold() if each.isprintable() or each.isspace())
    return f"{' '.join(plain.split())[:_SORTED_BY]}  {found.id}"
