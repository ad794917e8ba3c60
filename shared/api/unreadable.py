"""Answers requests that never reach the API, because the adapter cannot make anything of them.

Each takes the place of the API for one request, which has nothing of the first one but its language.
"""

from starlette.types import Receive, Scope, Send

from shared.api.middleware.headers import CommonHeaders
from shared.api.middleware.language import AcceptedLanguage
from shared.api.problems import NOT_FOUND, UNEXPECTED, problem
from shared.domain.message import say


async def _no_address(scope: Scope, receive: Receive, send: Send) -> None:
    detail = say("There is nothing at this address.")
    await problem(scope, NOT_FOUND, detail)(scope, receive, send)


async def _broken(scope: Scope, receive: Receive, send: Send) -> None:
    detail = say("The request was not done, or not wholly. Try again, or report the id.")
    await problem(scope, UNEXPECTED, detail)(scope, receive, send)


no_address = AcceptedLanguage(CommonHeaders(_no_address))
"""Says that there is nothing at an address that is none, such as one that is no UTF-8."""

broken = AcceptedLanguage(CommonHeaders(_broken))
"""Says that the answer could not be given."""
