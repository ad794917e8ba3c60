"""Answers 500 when something raised an exception that nobody expected, and logs it.

Starlette's own answer to such an exception is lost under the Functions adapter.
"""

import logging

from starlette.types import Message, Receive, Scope, Send

from shared.api.middleware.layer import Layer
from shared.api.problems import UNEXPECTED, correlation_id, problem
from shared.domain.message import say
from shared.telemetry.logs import what_failed

_log = logging.getLogger(__name__)


class LastResort(Layer):
    """Catches whatever the inner layers raise; raises it again when an answer has begun already."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; say what became of it if it fails."""
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except Exception as error:
            _log.error("request %s: %s", correlation_id(scope), what_failed(error))
            if started:
                raise
            detail = say("The request was not done, or not wholly. Try again, or report the id.")
            await problem(scope, UNEXPECTED, detail)(scope, receive, send)
