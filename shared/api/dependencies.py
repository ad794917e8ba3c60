"""Gives routes what they ask for by type: the services, the caller, a role, an ETag, a place in a list.

All are coroutines, also those that await nothing: FastAPI runs plain functions in threads.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Header, Query, Request, Response
from pydantic import BaseModel

from shared.api.allowances import TooMany, address_of
from shared.api.middleware.etags import tag_of, versions_in
from shared.domain.errors import NotAllowed, Outdated
from shared.domain.message import Message, say
from shared.domain.people import Caller, Role
from shared.records.paging import Sort, Wanted
from shared.records.records import ReadVersions, version_of
from shared.services import Services
from shared.storage.ports import Unavailable

_ROLE_NEEDED: Mapping[Role, Message] = {
    Role.CONTRIBUTOR: say(
        "This needs the role contributor. Ask whoever administers Segment Exports."
    ),
    Role.ADMINISTRATOR: say(
        "This needs the role administrator. Ask whoever administers Segment Exports."
    ),
}


async def _services(request: Request) -> Services:
    given: Services = await request.app.state.get_services()
    return given


async def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller  # put there by the middleware `Authentication`
    return caller


async def _anonymous(request: Request) -> None:
    """Count a request that nobody is signed in for."""
    request.app.state.allowances.addresses.use(address_of(request.scope))


async def _contributor(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
    if not caller.is_contributor:
        raise NotAllowed(_ROLE_NEEDED[Role.CONTRIBUTOR])
    return caller


async def _administrator(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
    if not caller.is_administrator:
        raise NotAllowed(_ROLE_NEEDED[Role.ADMINISTRATOR])
    return caller


async def _if_match(
    if_match: Annotated[
        str | None,
        Header(
            max_length=1_000,
            description="The ETag that you read, or several, or `*` for any; 412 if outdated.",
        ),
    ] = None,
) -> ReadVersions:
    """Return the versions of which one must be current. ETags of any other form name none."""
    return None if if_match is None else versions_in(if_match)


async def _after(
    after: Annotated[str, Query(max_length=2000, description="The `next` of another page.")] = "",
) -> str:
    return place_of(after)


RAISES: Mapping[object, tuple[type[Exception], ...]] = {
    _services: (Unavailable,),
    _anonymous: (TooMany,),
    _contributor: (NotAllowed,),
    _administrator: (NotAllowed,),
    _if_match: (Outdated,),
}
"""What a route may be refused with because it depends on one of these."""

type TheServices = Annotated[Services, Depends(_services)]
ANONYMOUS = Depends(_anonymous)
"""For routes without a token of which one address may not ask too much."""

type AnyCaller = Annotated[Caller, Depends(_caller)]
type Contributor = Annotated[Caller, Depends(_contributor)]
type Administrator = Annotated[Caller, Depends(_administrator)]
type IfMatch = Annotated[ReadVersions, Depends(_if_match)]
type After = Annotated[str, Depends(_after)]
type Limit = Annotated[int, Query(ge=1, le=100, description="How many items to return.")]


async def _wanted(
    after: After,
    search: Annotated[str, Query(max_length=200, description="Part of the name.")] = "",
    sort: Annotated[Sort, Query(description="By what; with `-` from the end.")] = Sort.OLDEST,
    limit: Limit = 50,
) -> Wanted:
    return Wanted(search, sort, after, limit)


type TheWanted = Annotated[Wanted, Depends(_wanted)]


class Page[T](BaseModel):
    """Part of a list; `next` is given while there is more: pass it as `after`."""

    items: list[T]
    next: str | None = None


def cursor(place: str | None) -> str | None:
    """Return a place in a list in a form that callers do not take apart."""
    return base64.urlsafe_b64encode(place.encode()).decode() if place else None


def place_of(after: str) -> str:
    """Return where a page begins. A cursor that we never gave is taken for the first page."""
    try:
        return base64.urlsafe_b64decode(after.encode()).decode()
    except (binascii.Error, UnicodeError):
        return ""


def tagged(response: Response, etag: str) -> None:
    """Name the stored version in the ETag of an answer, so that a later change can be tied to it."""
    response.headers["ETag"] = tag_of(version_of(etag))
