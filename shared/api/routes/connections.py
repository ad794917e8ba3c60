"""Sets up, shares and removes connections; contributors see those that are shared with them."""

from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, StringConstraints
from pydantic.config import JsonDict

from shared.api import sign_in_cookie
from shared.api.dependencies import (
    Administrator,
    Contributor,
    IfMatch,
    Page,
    TheServices,
    TheWanted,
    cursor,
    tagged,
)
from shared.api.openapi.declared import documented
from shared.api.paths import CONNECTIONS
from shared.api.schemas.connections import (
    ConnectionItem,
    SharedConnectionItem,
    connection_item,
)
from shared.api.wording import Words
from shared.connections import manage, oauth_sign_in
from shared.connections.api_key import connect_with_key
from shared.connections.check import check_connection
from shared.connections.schemas import ConnectionChanges, NewConnection
from shared.domain.connection import Connection, ConnectionStatus
from shared.domain.errors import BatchRefused, Conflict, Invalid
from shared.domain.message import say
from shared.domain.people import Caller
from shared.records.chosen import Chosen, Id
from shared.storage.ports import Stored

router = APIRouter(prefix=CONNECTIONS, tags=["connections"])

_ETAG_OF_CONNECTION = {
    "description": "Given with a connection, not with a page to sign in on.",
    "schema": {"type": "string"},
}

_COOKIE = {
    "description": "Given with a page to sign in on to a browser that is to return to the portal.",
    "schema": {"type": "string"},
}

type Item = ConnectionItem | SharedConnectionItem


class ConsentBody(Chosen, frozen=True):
    """That the caller accepts the data-privacy terms, and which version of them."""

    # Literal alone would take a 1 for true.
    accepted: Annotated[Literal[True], BeforeValidator(lambda given: given is True)]
    terms_version: Id


def _given(title: str, *members: str) -> JsonDict:
    properties: JsonDict = {name: {"type": "string"} for name in members}
    return {"title": title, "properties": properties, "required": list(members)}


def _nothing_but(title: str, *choices: str) -> JsonDict:
    properties: JsonDict = {name: {"type": "boolean"} for name in choices}
    return {"title": title, "properties": properties, "additionalProperties": False}


class ConnectBody(Chosen):
    """How to get into the account.

    Where one signs in on the destination's own page, neither host nor key; a browser that is to come back
    to the portal says so, and only it can then end the sign-in. Elsewhere the account's host and a key, or
    in its place the name of a secret of the linked vault that holds it.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                _nothing_but("Sign-in", "return_to_portal", "allow_other_account"),
                _given("Key", "host", "api_key"),
                _given("Linked key", "host", "secret_name"),
            ]
        },
    )

    return_to_portal: Annotated[
        bool, Field(description="Bind the sign-in to this browser, by a cookie of this answer.")
    ] = False
    allow_other_account: Annotated[
        bool,
        Field(description="Let another account take the place of the one that is connected."),
    ] = False

    host: Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)] | None = None
    api_key: Annotated[SecretStr, Field(min_length=1, max_length=1000)] | None = None
    secret_name: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{1,127}$")] | None = None


_OF_A_KEY = {"host", "api_key", "secret_name"}


class SignInPage(BaseModel):
    """The page to open in a browser."""

    authorize_url: str


class CheckResult(BaseModel):
    """Whether a connection works, and if not, why."""

    ok: bool
    reason: Words | None
    status: ConnectionStatus


def _answer(response: Response, stored: Stored[Connection], caller: Caller) -> Item:
    tagged(response, stored.etag)
    return connection_item(stored.value, caller)


@router.get("", operation_id="listConnections", summary="Connections that I may use")
async def list_all(services: TheServices, caller: Contributor, wanted: TheWanted) -> Page[Item]:
    """Return a page of connections, the oldest first unless another order is asked for."""
    found, onward = await manage.list_connections(services, caller, wanted)
    items = [connection_item(stored.value, caller) for stored in found]
    return Page(items=items, next=cursor(onward))


@router.post("", status_code=201, operation_id="createConnection", summary="Begin a connection")
@documented(etag=True, location=CONNECTIONS + "/{key}")
async def create(
    services: TheServices, caller: Administrator, body: NewConnection, response: Response
) -> Item:
    """Store a draft, which nobody can use yet."""
    stored = await manage.create_connection(services, caller.person, body)
    response.headers["Location"] = f"{CONNECTIONS}/{stored.key}"
    return _answer(response, stored, caller)


@router.get("/{key}", operation_id="getConnection", summary="One connection")
@documented(etag=True)
async def get(services: TheServices, caller: Contributor, key: str, response: Response) -> Item:
    """Return a connection."""
    stored = await manage.find_connection(services, caller, key)
    return _answer(response, stored, caller)


@router.patch("/{key}", operation_id="changeConnection", summary="Rename or share a connection")
@documented(etag=True)
async def change(
    services: TheServices,
    caller: Administrator,
    key: str,
    etag: IfMatch,
    body: ConnectionChanges,
    response: Response,
) -> Item:
    """Change what is given."""
    stored = await manage.change_connection(services, caller.person, key, etag, body)
    return _answer(response, stored, caller)


@router.delete(
    "/{key}", status_code=204, operation_id="removeConnection", summary="Remove a connection"
)
@documented(Conflict)
async def remove(services: TheServices, caller: Administrator, key: str, etag: IfMatch) -> None:
    """Remove a connection that no export uses, and its credentials."""
    await manage.remove_connection(services, caller.person, key, etag)


@router.post("/{key}/consent", operation_id="giveConsent", summary="Accept the data-privacy terms")
@documented(etag=True)
async def consent(
    services: TheServices,
    caller: Administrator,
    key: str,
    etag: IfMatch,
    body: ConsentBody,
    response: Response,
) -> Item:
    """Record who accepted the terms, and when; without it nothing connects."""
    stored = await manage.record_consent(services, caller.person, key, etag, body.terms_version)
    return _answer(response, stored, caller)


@router.post(
    "/{key}/connect",
    operation_id="connectAccount",
    summary="Connect the account",
    responses={200: {"headers": {"ETag": _ETAG_OF_CONNECTION, "Set-Cookie": _COOKIE}}},
)
@documented(Conflict, BatchRefused)
async def connect_account(
    services: TheServices,
    caller: Administrator,
    key: str,
    etag: IfMatch,
    response: Response,
    body: ConnectBody | None = None,
) -> SignInPage | ConnectionItem:
    """Return the destination's page where somebody lets us into the account, within ten minutes.

    With a key, prove it and return the connection.
    """
    body = body or ConnectBody()
    if not body.model_fields_set & _OF_A_KEY:
        begun = await oauth_sign_in.begin_sign_in(
            services,
            caller.person,
            key,
            etag,
            bound=body.return_to_portal,
            allow_other_account=body.allow_other_account,
        )
        sign_in_cookie.give(response, services.addresses, begun)
        return SignInPage(authorize_url=begun.page)
    if body.return_to_portal:
        raise Invalid(("return_to_portal",), say("With a key nobody leaves the portal."))
    api_key = body.api_key.get_secret_value() if body.api_key else None
    stored = await connect_with_key(
        services,
        caller.person,
        key,
        etag,
        body.host,
        api_key,
        body.secret_name,
        allow_other_account=body.allow_other_account,
    )
    tagged(response, stored.etag)
    return ConnectionItem.model_validate(stored.value.model_dump())


@router.put("/{key}/export-user", operation_id="addExportUser", summary="Export in my name")
@documented(etag=True)
async def add_export_user(
    services: TheServices, caller: Administrator, key: str, etag: IfMatch, response: Response
) -> Item:
    """Record the caller as the person on whose behalf exports run."""
    stored = await manage.add_export_user(services, caller.person, key, etag)
    return _answer(response, stored, caller)


@router.post("/{key}/save", operation_id="saveConnection", summary="Complete a connection")
@documented(Conflict, etag=True)
async def save(
    services: TheServices, caller: Administrator, key: str, etag: IfMatch, response: Response
) -> Item:
    """Make a draft ready for exports; 409 says which step is missing."""
    stored = await manage.save_connection(services, caller.person, key, etag)
    return _answer(response, stored, caller)


@router.post("/{key}/check", operation_id="checkConnection", summary="Prove that it works")
@documented(Conflict, BatchRefused, etag=True)
async def check(
    services: TheServices, caller: Administrator, key: str, etag: IfMatch, response: Response
) -> CheckResult:
    """Ask the destination, changing nothing there. If it works, runs that begin or go on after it ask the
    account at full speed again, however much it refused before."""
    result = await check_connection(services, caller.person, key, etag)
    tagged(response, result.connection.etag)
    return CheckResult(
        ok=result.reason is None, reason=result.reason, status=result.connection.value.status
    )
