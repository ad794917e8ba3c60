"""The HTTP trigger: every request goes to the API.

FastAPI is imported at the first request, not when the host loads the app: the instances that only
send exports never pay for it. The host asks for no key because the API checks tokens itself. The
adapter's lifespan is not used: under concurrent first requests it starts several times.
"""

from functools import cache

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.route(
    route="{*route}", methods=list(func.HttpMethod), auth_level=func.AuthLevel.ANONYMOUS
)
async def http(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Answer a request."""
    answer: func.HttpResponse = await _api().handle_async(req, context)
    return answer


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
