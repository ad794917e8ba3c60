"""Sets the language of an answer: what the browser accepts, then what the caller has chosen."""

import re

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from shared.api.middleware.layer import Layer
from shared.api.paths import DOCS, DOCS_SCRIPT, DOCS_STYLE, OPENAPI
from shared.api.wording import spoken
from shared.domain.people import Language, Person
from shared.people.preferences import preferred_language
from shared.storage.ports import Unavailable

_IN_ENGLISH = {DOCS, DOCS_SCRIPT, DOCS_STYLE, OPENAPI}
"""What programmers read."""

_RANGE = re.compile(
    r"\s*+([a-z]{1,8}|\*)(?:-[a-z0-9-]++)?\s*+(?:;\s*+q=([01](?:\.[0-9]{0,3})?)\s*+)?",
    re.IGNORECASE,
)


class AcceptedLanguage(Layer):
    """Speaks what the request says that it accepts."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Set the language before anything can be said."""
        in_english = scope["path"] in _IN_ENGLISH
        spoken.set(Language.ENGLISH if in_english else accepted(Headers(scope=scope)))
        await self.app(scope, receive, send)


class PreferredLanguage(Layer):
    """Speaks what a caller who is signed in has chosen."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Set the language anew if there is a caller with a choice."""
        caller = scope.get("state", {}).get("caller")
        if caller is not None:
            await _heed_preference(scope, caller.person)
        await self.app(scope, receive, send)


def accepted(headers: Headers) -> Language:
    """Return which of our languages `Accept-Language` likes best (RFC 9110); English if none."""
    ranges = map(_RANGE.fullmatch, ",".join(headers.getlist("accept-language")).split(","))
    liked = [(float(each[2] or 1), each[1].lower()) for each in ranges if each]
    for quality, tag in sorted(liked, key=lambda each: -each[0]):
        if quality and tag in set(Language):
            return Language(tag)
        if quality and tag == "*":
            return Language.ENGLISH
    return Language.ENGLISH


async def _heed_preference(scope: Scope, person: Person) -> None:
    """Speak the language that a person has chosen. If nobody can tell, the header has the last word."""
    try:
        preferred = await preferred_language(await scope["app"].state.get_services(), person)
    except Unavailable:
        return
    if preferred is not None:
        spoken.set(preferred)
