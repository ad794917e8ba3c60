"""A caller of the API who remembers every secret that passes, for the check at the end."""

from typing import Any

import httpx

from local.api_client import ApiClient
from local.stack import Stack
from tests.e2e.traces import Traces, tokens


class Caller(ApiClient):
    """Somebody with a role; `state` and `code` of sign-ins, tokens and problems go into the traces.

    Without a language nothing is said of it, as most programs do.
    """

    def __init__(
        self,
        stack: Stack,
        traces: Traces,
        url: str,
        role: str = "administrator",
        language: str | None = None,
    ) -> None:
        token = stack.token(role)
        traces.secrets.add(token)
        super().__init__(url, token)
        if language:
            for client in (self._api, self._browser):
                client.headers["Accept-Language"] = language
        self._stack = stack
        self._traces = traces
        self._api.event_hooks["response"].append(self._note_problem)
        self._browser.event_hooks["response"].append(self._note_sign_in)

    def sign_in(self, authorize_url: str, *arguments: Any, **more: Any) -> bool:
        """Sign in, and remember the tokens that the sandbox gave."""
        done = super().sign_in(authorize_url, *arguments, **more)
        self._traces.secrets |= tokens(self._stack.state)
        return done

    def answer(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Return an answer, whatever it is."""
        return self._api.request(method, path, json=body)

    def status_of(self, method: str, path: str, body: Any = None) -> int:
        """Return the status of an answer, whatever it is."""
        return self.answer(method, path, body).status_code

    def browse(self, url: str) -> int:
        """Return the status of a page that a browser opens."""
        return self._browser.get(url).status_code

    def _note_problem(self, answer: httpx.Response) -> None:
        if answer.is_error:
            self._traces.problems.append(answer.read().decode())

    def _note_sign_in(self, answer: httpx.Response) -> None:
        self._note_problem(answer)
        for name in ("state", "code"):
            self._traces.secrets |= {each for each in answer.url.params.get_list(name) if each}
