"""A destination's file with an API and a sign-in that say what a test wants them to."""

from collections.abc import Mapping
from typing import Any

import orjson

from shared.destinations.contract import Read
from shared.destinations.mailchimp.destination import Mailchimp
from shared.destinations.model import Client
from shared.domain.connection import Account
from shared.domain.errors import DestinationError

MAILCHIMP = Mailchimp(Client("our-id", "our-secret"), "https://login.test", "https://{dc}.api.test")
ACCOUNT = Account(id="us1-1", name="Acme", endpoint="us1")
NONSENSE: list[Any] = [None, [], "text", 7, {}, {"members": []}, [[]], {"errors": None}, True]


class Says:
    """An API and a sign-in that give the same answers to the same paths, or raise them."""

    def __init__(self, **answers: Any) -> None:
        self.asked: list[tuple[str, Any]] = []
        self._answers = answers

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        return self._answer(path, params)

    async def post(
        self,
        path: str,
        content: bytes,
        params: Mapping[str, str] | None = None,
        weight: int = 1,
        read: Read | None = None,
    ) -> Any:
        answer = self._answer(path, orjson.loads(content) | {"params": params})
        return read(orjson.dumps(answer)) if read else answer

    async def post_form(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Any:
        return self._answer(url, form)

    async def get_json(self, url: str, headers: Mapping[str, str]) -> Any:
        return self._answer(url, headers)

    def _answer(self, path: str, given: Any) -> Any:
        self.asked.append((path, given))
        answer = self._answers[path.rpartition("/")[2].replace("-", "_")]
        if isinstance(answer, DestinationError):
            raise answer
        return answer(given) if callable(answer) else answer
