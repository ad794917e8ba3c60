"""Refuses calls by the account's host and key, and by its rate."""

import re
from typing import ClassVar

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.types import Scope

from local.sandbox.activecampaign import problems
from local.sandbox.activecampaign.settings import Settings
from local.sandbox.activecampaign.state import Account, Sandbox
from local.sandbox.kit import gate
from local.sandbox.kit.passage import PAGES, Answers

_PUBLISHED = Settings()
_ORIGIN_ERROR = {
    "status": 502,
    "error_name": "origin_bad_gateway",
    "retryable": True,
    "retry_after": 60,
}


class Gate(gate.Gate[Account, Sandbox]):
    """The rules of an account's host, its key and its second."""

    # The shapes of server errors are others' recordings: some come from the network in front.
    answers: ClassVar[Answers] = {
        **PAGES,
        "401": lambda: problems.json_answer({"message": "Unauthorized"}, 401),
        "403": lambda: problems.json_answer({"message": "Forbidden"}, 403),
        "403-bodiless": problems.forbidden,
        "429": lambda: problems.too_many_requests(_PUBLISHED.requests_per_second, None),
        "429-retry-after": lambda: problems.too_many_requests(
            _PUBLISHED.requests_per_second, _PUBLISHED.retry_after
        ),
        "500": lambda: problems.json_answer({"message": "Internal Server Error"}, 500),
        "500-html": lambda: HTMLResponse("<html><body>Internal Server Error</body></html>", 500),
        "502": lambda: problems.json_answer(_ORIGIN_ERROR, 502),
        "503": lambda: HTMLResponse("<html><body>Service Unavailable</body></html>", 503),
    }
    ids = re.compile(r"/(lists|contacts)/\d+")

    def caller(self, scope: Scope) -> Account | Response:
        """Return whose host it is; the key is looked at later, so that wrong ones are counted."""
        return self.sandbox.account(scope["host"] or "") or problems.no_endpoint().answer()

    def refusal(self, account: Account, scope: Scope) -> Response | None:
        """Refuse a wrong key, and what is too much for a second."""
        settings = account.settings
        if Headers(scope=scope).get("api-token") != account.api_key:
            # Our guess: such a request does not count for the rate.
            return problems.forbidden() if settings.bad_key == "403" else PAGES["login-200"]()
        now = self.sandbox.clock.now()
        if not account.second.left(settings.requests_per_second, now):
            account.exceeded["requests_per_second"] += 1
            return problems.too_many_requests(settings.requests_per_second, settings.retry_after)
        account.second.take(now)
        return None
