"""The HTTP trigger: every request goes to the API, and what the adapter cannot read is answered here.

FastAPI is imported at the first request, not when the host loads the app: the instances that only
send exports never pay for it. The host asks for no key because the API checks tokens itself. The
adapter's lifespan is not used: under concurrent first requests it starts several times.
"""

import logging
from functools import cache

import azure.functions as func

from shared.telemetry.logs import what_failed

_log = logging.getLogger(__name__)

blueprint = func.Blueprint()


@blueprint.route(
    route="{*route}", methods=list(func.HttpMethod), auth_level=func.AuthLevel.ANONYMOUS
)
async def http(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Answer a request; one that the adapter chokes on, too, which else were a 500 without a body."""
    try:
        answer: func.HttpResponse = await _api().handle_async(req, context)
    except Exception as error:
        _log.warning("a request that the API did not answer: %s", what_failed(error))
        answer = await _instead_of_the_api(req, context)
    return answer


async def _instead_of_the_api(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    from shared.api.unreadable import broken, no_address

    language = req.headers.get("accept-language", "").encode("ascii", "ignore").decode()
    stand_in = func.HttpRequest(
        "GET", "https://localhost/", headers={"accept-language": language}, body=b""
    )
    adapter = func.AsgiMiddleware(broken if await _is_readable(req, context) else no_address)
    answer: func.HttpResponse = await adapter.handle_async(stand_in, context)
    return answer


async def _is_readable(req: func.HttpRequest, context: func.Context) -> bool:
    """Say whether the adapter can take a request apart, so that it is the API that failed."""

    async def say_nothing(*_: object) -> None:
        return None

    try:
        await func.AsgiMiddleware(say_nothing).handle_async(req, context)
    except ValueError:
        return False
    return True


@cache
def _api() -> func.AsgiMiddleware:
    from shared.api.allowances import Allowances
    from shared.api.app import create_app
    from shared.api.tokens import TokenCheck
    from shared.bootstrap import services
    from shared.domain.clock import SystemClock
    from shared.settings import settings
    from shared.transport.answer import AnswerLimits
    from shared.transport.fast_client import open_http

    tokens = TokenCheck(
        open_http(limits=AnswerLimits(bytes=1_000_000, seconds=10)),  # of key sets
        settings().auth_issuer,
        settings().auth_audience,
        settings().auth_scope,
        SystemClock(),
    )
    allowances = Allowances(
        settings().caller_requests_per_minute,
        settings().anonymous_requests_per_minute,
        SystemClock(),
    )
    return func.AsgiMiddleware(create_app(services, tokens, allowances))
