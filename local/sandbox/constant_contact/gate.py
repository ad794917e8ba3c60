"""Refuses calls by their token, and by the rate and the day of the application."""

import re
from typing import ClassVar

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Scope

from local.sandbox.constant_contact import problems
from local.sandbox.constant_contact.state import Account, Sandbox
from local.sandbox.kit import gate
from local.sandbox.kit.passage import PAGES, Answers, with_a_time

_PROBLEM = "<html><body>Bad Gateway</body></html>"


class Gate(gate.Gate[Account, Sandbox]):
    """The rules of the application and of its tokens."""

    answers: ClassVar[Answers] = {
        **PAGES,
        "401": problems.UNAUTHORIZED.answer,
        "403": problems.FORBIDDEN.answer,
        "403-bodiless": lambda: Response(status_code=403),
        "429": problems.THROTTLED.answer,
        "429-retry-after": with_a_time(problems.THROTTLED.answer, 2),  # undocumented
        "500": problems.INTERNAL.answer,
        "500-html": lambda: HTMLResponse(_PROBLEM, 500),
        "502": lambda: HTMLResponse(_PROBLEM, 502),
        "503": problems.UNAVAILABLE.answer,
        "503-blocked": lambda: JSONResponse({"message": "Service Unavailable"}, 503),
    }
    ids = re.compile(r"/(contact_lists|activities)/[0-9a-f-]{36}")

    def caller(self, scope: Scope) -> Account | Response:
        """Return whose access token it is."""
        authorization = Headers(scope=scope).get("authorization", "")
        return self.sandbox.caller(authorization) or problems.UNAUTHORIZED.answer()

    def refusal(self, account: Account, scope: Scope) -> Response | None:
        """Refuse what is too much, and an application that has no access any more."""
        if limit := self.sandbox.exceeds():
            self.sandbox.exceeded[limit] += 1
            problem = problems.SPENT if limit == "requests_per_day" else problems.THROTTLED
            return problem.answer()
        return problems.FORBIDDEN.answer() if self.sandbox.revoked else None
