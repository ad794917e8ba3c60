"""Puts the API together as one ASGI application. Nothing is opened: services come with the first request."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Depends, FastAPI, Request, Security
from fastapi.routing import iter_route_contexts
from fastapi.security import HTTPBearer
from starlette.middleware import Middleware
from starlette.responses import Response

from shared.api.allowances import Allowances
from shared.api.docs import add_docs
from shared.api.middleware.authentication import Authentication
from shared.api.middleware.conditional import Conditional, HeadAsGet
from shared.api.middleware.headers import CommonHeaders
from shared.api.middleware.language import AcceptedLanguage, PreferredLanguage
from shared.api.middleware.last_resort import LastResort
from shared.api.middleware.limits import BodyLimit, CallerLimit, HeadLimits
from shared.api.paths import OPENAPI
from shared.api.problems import HANDLED, Problem, answer
from shared.api.request_checks import known_parameters, whole_body
from shared.api.routes import (
    about,
    audit,
    connections,
    export_schedules,
    exports,
    lookups,
    oauth,
    rejects,
    reports,
    runs,
    schedule,
    segments,
)
from shared.api.routes.about import VERSION
from shared.api.tokens import TokenCheck
from shared.services import Services

# Brings the model into the document; `describe` says which status is given for what.
_PROBLEMS: dict[int | str, dict[str, Any]] = {"default": {"model": Problem}}
_LAYERS = [
    Middleware(AcceptedLanguage),
    Middleware(CommonHeaders),
    Middleware(HeadAsGet),
    Middleware(LastResort),
    Middleware(Conditional),
    Middleware(HeadLimits),
    Middleware(Authentication),
    Middleware(PreferredLanguage),
    Middleware(CallerLimit),
    Middleware(BodyLimit),
]
"""What a request passes through, from the outside to the routes."""


def create_app(
    get_services: Callable[[], Awaitable[Services]], tokens: TokenCheck, allowances: Allowances
) -> FastAPI:
    """Return the API over the services that `get_services` gives, for callers that `tokens` knows.

    `allowances` is how much it lets them ask.
    """
    app = FastAPI(
        title="Segment Exports",
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        openapi_url=OPENAPI,
        redirect_slashes=False,
        responses=_PROBLEMS,
        middleware=_LAYERS,
        # The host reports requests. This would add the words of errors, and of reports their address.
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    app.state.get_services = get_services
    app.state.tokens = tokens
    app.state.allowances = allowances
    for error in HANDLED:
        app.add_exception_handler(error, _answer)
    # `Authentication` has checked the token by then; this tells the documentation that there is one.
    bearer = HTTPBearer(
        bearerFormat="JWT",
        description="An access token of the identity provider that the app is set up with.",
        auto_error=False,
    )
    signed_in = [Security(bearer), Depends(known_parameters), Depends(whole_body)]
    for module in (
        connections,
        lookups,
        exports,
        export_schedules,
        runs,
        rejects,
        segments,
        schedule,
        audit,
        about,
    ):
        app.include_router(module.router, dependencies=signed_in)
    app.include_router(oauth.router)
    app.include_router(reports.router)
    app.include_router(about.public)
    add_docs(app)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign] # FastAPI's documented way
    return app


async def _answer(request: Request, error: Exception) -> Response:
    response = answer(request, error)
    if response.status_code == 405:
        # Starlette names the methods of one route only; here a path has a route for each method.
        response.headers["Allow"] = ", ".join(sorted(_methods(request)))
    return response


def _methods(request: Request) -> set[str]:
    """Return the methods of the path that was asked for; one written out wins over one with a {key}."""
    routes = iter_route_contexts(request.app.routes)
    matching = [route for route in routes if route.path_regex.match(request.scope["path"])]
    fewest = min(str(route.path_format).count("{") for route in matching)
    methods = {
        method
        for route in matching
        if str(route.path_format).count("{") == fewest
        for method in route.methods or ()
    }
    return methods | {"HEAD"} if "GET" in methods else methods


def _described(app: FastAPI) -> dict[str, Any]:
    from shared.api.openapi.document import describe  # few instances are ever asked for it

    if app.openapi_schema is None:
        app.openapi_schema = describe(app)
    return app.openapi_schema
