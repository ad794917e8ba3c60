"""Refuses calls by their token or key, data centre and connections."""

import re
from typing import ClassVar

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.types import Scope

from local.sandbox.kit import gate
from local.sandbox.kit.passage import PAGES, Answers, with_a_time
from local.sandbox.mailchimp import problems
from local.sandbox.mailchimp.state import Account, Sandbox

_EDGE_ERROR = "<html><body>An error occurred while processing your request.</body></html>"


class Gate(gate.Gate[Account, Sandbox]):
    """The rules of an account's token or key, data centre and connections."""

    answers: ClassVar[Answers] = {
        **PAGES,
        "401": problems.API_KEY_INVALID.answer,
        "403": problems.FORBIDDEN.answer,
        "403-bodiless": lambda: Response(status_code=403),
        "429": problems.TOO_MANY_REQUESTS.answer,
        # Undocumented; others say that it is sent.
        "429-retry-after": with_a_time(problems.TOO_MANY_REQUESTS.answer, 30),
        "500": problems.INTERNAL.answer,
        "500-html": lambda: HTMLResponse(_EDGE_ERROR, 500),
        "502": lambda: HTMLResponse(_EDGE_ERROR, 502),
        "503": problems.UNAVAILABLE.answer,
        "503-blocked": problems.DISABLED.answer,
    }
    ids = re.compile(r"/(lists|members)/[^/]+")
    gives_up_after = 120

    def caller(self, scope: Scope) -> Account | Response:
        """Return whose token or key it is."""
        authorization = Headers(scope=scope).get("authorization", "")
        problem = problems.API_KEY_INVALID if authorization else problems.API_KEY_MISSING
        return self.sandbox.caller(authorization) or problem.answer()

    def refusal(self, account: Account, scope: Scope) -> Response | None:
        """Refuse another account's data centre, and one connection too many."""
        if scope["host"] not in (None, account.datacenter):
            return problems.wrong_datacenter(account.datacenter).answer()
        if account.connections > self.sandbox.connections:
            account.crowded += 1
            return problems.TOO_MANY_REQUESTS.answer()
        return None
