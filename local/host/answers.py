"""Writes what the worker returned as HTTP answers, as the Azure host does."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote

from local.host.protos import RpcHttp, RpcHttpCookie, TypedData

_NO_HOME_PAGE = "AzureWebJobsDisableHomepage"

_SAME_SITE = {
    RpcHttpCookie.SameSite.Lax: "lax",
    RpcHttpCookie.SameSite.Strict: "strict",
    RpcHttpCookie.SameSite.ExplicitNone: "none",
}


@dataclass(frozen=True)
class Answer:
    """A whole response; answers are never streamed."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


def of_host(status: int, text: str = "", kind: str = "text/plain; charset=utf-8") -> Answer:
    """Return an answer of the host's own: it knows its length, and its type if it has a body."""
    body = text.encode()
    length = ("content-length", str(len(body)))
    return Answer(status, body, (("content-type", kind), length) if body else (length,))


def of_json(status: int, document: object) -> Answer:
    """Return an answer of the host's own in JSON."""
    return of_host(status, json.dumps(document), "application/json; charset=utf-8")


def home_page() -> Answer:
    """Answer as the host does where no function does: also when no function could be loaded."""
    if os.environ.get(_NO_HOME_PAGE, "").lower() in {"true", "1"}:
        return of_host(204)
    text = "Your Azure Function App is up and running."
    return of_host(200, f"<!DOCTYPE html><title>{text}</title><p>{text}</p>", "text/html")


def of_value(value: TypedData | None) -> Answer:
    """Return the answer for what an HTTP function returned: without a length unless it gave one.

    What cannot be written, a header that is not ASCII, is a 500 instead.
    """
    answer = _of_value(value)
    texts = (text for header in answer.headers for text in header)
    return answer if all(text.isascii() for text in texts) else of_host(500)


def _of_value(value: TypedData | None) -> Answer:
    if value is None:
        return Answer(204)
    if value.http is None:
        return Answer(200, _bytes(value), (("content-type", "text/plain; charset=utf-8"),))
    return Answer(
        status=int(value.http.status_code or 200),
        body=_bytes(value.http.body),
        headers=tuple(_headers(value.http)),
    )


def _bytes(value: TypedData) -> bytes:
    if value.bytes is not None:
        return value.bytes
    return (value.string or value.json or "").encode()


def _headers(http: RpcHttp) -> Iterator[tuple[str, str]]:
    """Give each header once, the last of those repeated, and every cookie."""
    yield from {name.lower(): value for name, value in http.headers.items()}.items()
    for cookie in http.cookies or ():
        yield "set-cookie", _cookie(cookie)


def _cookie(cookie: RpcHttpCookie) -> str:
    """Write a cookie anew, as ASP.NET does: value encoded, an empty domain and path kept."""
    parts = [f"{cookie.name}={quote(cookie.value, safe='')}"]
    if cookie.expires:
        expires = datetime.fromtimestamp(cookie.expires.value.seconds, UTC)
        parts.append(f"expires={format_datetime(expires, usegmt=True)}")
    if cookie.max_age:
        parts.append(f"max-age={cookie.max_age.value:.0f}")
    if cookie.domain:
        parts.append(f"domain={cookie.domain.value}")
    if cookie.path:
        parts.append(f"path={cookie.path.value}")
    if cookie.secure and cookie.secure.value:
        parts.append("secure")
    if cookie.same_site in _SAME_SITE:
        parts.append(f"samesite={_SAME_SITE[cookie.same_site]}")
    if cookie.http_only and cookie.http_only.value:
        parts.append("httponly")
    return "; ".join(parts)
