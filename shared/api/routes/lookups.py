"""Lists what a connection's account has to choose from: lists, and the fields of a list."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from shared.api.dependencies import After, Contributor, Limit, Page, TheServices, cursor
from shared.api.openapi.declared import documented
from shared.api.paths import CONNECTIONS
from shared.api.schemas.fields import FieldItem, field_item
from shared.connections.lookups import find_fields, find_lists
from shared.domain.errors import BatchRefused, Conflict, NeedsAttention

Refresh = Annotated[
    bool,
    Query(description="Read anew at the destination. Without it an answer may be two minutes old."),
]

router = APIRouter(prefix=CONNECTIONS, tags=["connections"])


class ListItem(BaseModel):
    """A list of the account."""

    id: str
    name: str


@router.get("/{key}/lists", operation_id="listLists", summary="Lists of the account")
@documented(Conflict, NeedsAttention, BatchRefused)
async def lists(
    services: TheServices,
    caller: Contributor,
    key: str,
    after: After,
    search: Annotated[
        str, Query(max_length=2_000, description="Part of the name, or the id.")
    ] = "",
    limit: Limit = 50,
    refresh: Refresh = False,
) -> Page[ListItem]:
    """Return a page of the lists that an export could send to, by name.

    A list that is looked for by its id, or by the address of its page, is found however new it is.
    """
    found, onward = await find_lists(services, caller, key, search, after, limit, refresh=refresh)
    items = [ListItem(id=each.id, name=each.name) for each in found]
    return Page(items=items, next=cursor(onward))


@router.get("/{key}/fields", operation_id="listFields", summary="Fields that an export can fill")
@documented(Conflict, BatchRefused)
async def fields(
    services: TheServices,
    caller: Contributor,
    key: str,
    list_id: Annotated[str, Query(min_length=1, max_length=2_000, description="Id of the list.")],
    refresh: Refresh = False,
) -> Page[FieldItem]:
    """Return every field of profiles on a list, those of the account's own included."""
    found = await find_fields(services, caller, key, list_id, refresh=refresh)
    return Page(items=[field_item(field) for field in found])
