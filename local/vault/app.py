"""Answers the vault's REST interface."""

import json
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from local.vault.access import Callers, FetchKeys, Quota
from local.vault.secrets import RefusedError, Secret, Secrets, Version

CREATES, OTHERS = 300, 4000
PAGE = 25
RETENTION_DAYS = 90
_DAY = 24 * 3600

Endpoint = Callable[[Request], Awaitable[Response]]


def resource_of(url: str) -> str:
    """The token audience of a vault at `url`, which must be https://127.0.0.1:PORT.

    The official clients insist that the vault's host ends with a dot and the resource's host, as
    `name.vault.azure.net` does for `vault.azure.net`. 127.0.0.1 ends with ".0.0.1", so a resource
    of https://0.0.1:PORT passes with that check left on.
    """
    return url.replace("://127.", "://")


def create_app(
    secrets: Secrets,
    *,
    url: str,
    issuer: str,
    fetch_keys: FetchKeys,
    purge: bool = True,
    creates: int = CREATES,
    others: int = OTHERS,
    clock: Callable[[], float] = time.monotonic,
) -> Starlette:
    """A vault at `url` that trusts tokens of `issuer`; `creates` and `others` per 10 seconds."""
    callers = Callers(issuer, resource_of(url), fetch_keys)
    quotas = {True: Quota(creates, clock), False: Quota(others, clock)}
    vault = _Vault(secrets, url, purge=purge)
    challenge = f'Bearer authorization="{issuer}/local", resource="{resource_of(url)}"'

    def guarded(endpoint: Endpoint) -> Endpoint:
        async def answer(request: Request) -> Response:
            try:
                await callers.check(request.headers.get("authorization"))
                quotas[request.method == "PUT"].spend()
                _check_version(request)
                return await endpoint(request)
            except RefusedError as refused:
                headers = {"WWW-Authenticate": challenge} if refused.status == 401 else None
                return JSONResponse(_error(refused), status_code=refused.status, headers=headers)

        return answer

    async def health(_: Request) -> PlainTextResponse:
        return PlainTextResponse("ok")

    def route(method: str, path: str, endpoint: Endpoint) -> Route:
        return Route(path, guarded(endpoint), methods=[method])

    return Starlette(
        routes=[
            Route("/health", health),
            route("GET", "/secrets", vault.list),
            route("PUT", "/secrets/{name}", vault.set),
            route("DELETE", "/secrets/{name}", vault.delete),
            route("GET", "/secrets/{name}/versions", vault.list_versions),
            # The official clients ask for the latest version with an empty one: /secrets/NAME/
            *(
                route(method, path, endpoint)
                for path in ("/secrets/{name}", "/secrets/{name}/", "/secrets/{name}/{version}")
                for method, endpoint in (("GET", vault.get), ("PATCH", vault.update))
            ),
            route("GET", "/deletedsecrets", vault.list_deleted),
            route("GET", "/deletedsecrets/{name}", vault.get_deleted),
            route("DELETE", "/deletedsecrets/{name}", vault.purge),
            route("POST", "/deletedsecrets/{name}/recover", vault.recover),
        ]
    )


def _check_version(request: Request) -> None:
    if "api-version" not in request.query_params:
        raise RefusedError(400, "BadParameter", "The api-version query parameter is required.")


def _error(refused: RefusedError) -> dict[str, Any]:
    error: dict[str, Any] = {"code": refused.code, "message": refused.message}
    if refused.inner:
        error["innererror"] = {"code": refused.inner}
    return {"error": error}


class _Vault:
    """The operations, each a request to a response."""

    def __init__(self, secrets: Secrets, url: str, *, purge: bool) -> None:
        self._secrets, self._url, self._purge = secrets, url, purge

    async def set(self, request: Request) -> Response:
        secret, version = self._secrets.set(request.path_params["name"], await _body(request))
        return JSONResponse(self._bundle(secret, version))

    async def get(self, request: Request) -> Response:
        return JSONResponse(self._bundle(*self._secrets.get(**request.path_params)))

    async def update(self, request: Request) -> Response:
        name, version = request.path_params["name"], request.path_params.get("version")
        return JSONResponse(
            self._bundle(*self._secrets.update(name, version, await _body(request)))
        )

    async def delete(self, request: Request) -> Response:
        return JSONResponse(self._deleted(self._secrets.delete(**request.path_params)))

    async def get_deleted(self, request: Request) -> Response:
        return JSONResponse(self._deleted(self._secrets.get_deleted(**request.path_params)))

    async def recover(self, request: Request) -> Response:
        secret, version = self._secrets.recover(**request.path_params)
        return JSONResponse(self._item(secret, version, with_version=True))

    async def purge(self, request: Request) -> Response:
        if not self._purge:
            message = 'Operation "purge" is not allowed because purge protection is enabled.'
            raise RefusedError(403, "Forbidden", message)
        self._secrets.purge(**request.path_params)
        return Response(status_code=204)

    async def list(self, request: Request) -> Response:
        latest = (self._item(secret, secret.versions[-1]) for secret in self._secrets.live())
        return self._page(request, latest)

    async def list_versions(self, request: Request) -> Response:
        versions = (
            self._item(secret, version, with_version=True)
            for secret in self._secrets.live(request.path_params["name"])
            for version in secret.versions
        )
        return self._page(request, versions)

    async def list_deleted(self, request: Request) -> Response:
        return self._page(request, map(self._deleted, self._secrets.deleted()))

    def _page(self, request: Request, items: Iterable[dict[str, Any]]) -> JSONResponse:
        query = request.query_params
        size = min(int(query.get("maxresults", PAGE)), PAGE)
        start = int(query.get("$skiptoken", 0))
        everything = list(items)
        following = None
        if start + size < len(everything):
            following = (
                f"{self._url}{request.url.path}?api-version={query['api-version']}"
                f"&$skiptoken={start + size}&maxresults={size}"
            )
        return JSONResponse({"value": everything[start : start + size], "nextLink": following})

    def _bundle(self, secret: Secret, version: Version) -> dict[str, Any]:
        return {"value": version.value, **self._item(secret, version, with_version=True)}

    def _item(
        self, secret: Secret, version: Version, *, with_version: bool = False
    ) -> dict[str, Any]:
        attributes = {
            "enabled": version.enabled,
            "nbf": version.not_before,
            "exp": version.expires,
            "created": version.created,
            "updated": version.updated,
            "recoveryLevel": "Recoverable+Purgeable" if self._purge else "Recoverable",
            "recoverableDays": RETENTION_DAYS,
        }
        item = {
            "id": f"{self._url}/secrets/{secret.name}" + f"/{version.id}" * with_version,
            "contentType": version.content_type,
            "attributes": {key: value for key, value in attributes.items() if value is not None},
            "tags": version.tags or None,
        }
        return {key: value for key, value in item.items() if value is not None}

    def _deleted(self, secret: Secret) -> dict[str, Any]:
        deleted = secret.deleted or 0
        return {
            **self._item(secret, secret.versions[-1], with_version=True),
            "recoveryId": f"{self._url}/deletedsecrets/{secret.name}",
            "deletedDate": deleted,
            "scheduledPurgeDate": deleted + RETENTION_DAYS * _DAY,
        }


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise RefusedError(400, "BadParameter", "The request body must be a JSON object.")
    return body
