"""What an export is built from: the lists of a connection's account, and the fields of a list."""

from collections.abc import Sequence

from shared.connections.check import signed_in
from shared.connections.manage import find_connection
from shared.destinations.model import Field, ListInfo
from shared.domain.errors import Culprit, NeedsAttention, NotFound
from shared.domain.people import Caller
from shared.records.paging import page_of
from shared.services import Services

_SORTED_BY = 250  # characters of a name, so that a cursor stays short


async def find_lists(
    services: Services, caller: Caller, key: str, search: str, after: str, limit: int
) -> tuple[list[ListInfo], str | None]:
    """Return a page of the lists whose name holds `search`, by name, whatever the case of letters.

    Raise NotFound, Conflict or TryLater.
    """
    stored = await find_connection(services, caller, key)
    async with signed_in(services, stored.value) as (destination, api):
        lists = await destination.lists(api)
    wanted = search.strip().casefold()
    found = (each for each in lists if wanted in each.name.casefold())
    return page_of(found, _cursor_of, after, limit)


async def find_fields(
    services: Services, caller: Caller, key: str, list_id: str
) -> Sequence[Field]:
    """Return the fields that an export to a list can fill; raise NotFound, Conflict or TryLater."""
    stored = await find_connection(services, caller, key)
    try:
        async with signed_in(services, stored.value) as (destination, api):
            return await destination.fields_of(api, list_id)
    except NeedsAttention as error:
        if error.culprit is not Culprit.LIST:
            raise
        raise NotFound(error.reason) from None


def _cursor_of(found: ListInfo) -> str:
    """Return where a list stands among others: by its name, and by its id where names are equal.

    Two spaces between them sort a name before all that it begins.
    """
    plain = "".join(each for each in found.name.casefold() if each.isprintable() or each.isspace())
    return f"{' '.join(plain.split())[:_SORTED_BY]}  {found.id}"
