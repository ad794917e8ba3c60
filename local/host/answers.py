"""Writes what the worker returned as HTTP answers, as the Azure host does."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote

from local.host.protos import RpcHttp, RpcHttpCookie, TypedData

_SAME_SITE = {
    RpcHttpCookie.SameSite.Lax: "Lax",
    RpcHttpCookie.SameSite.Strict: "Strict",
    RpcHttpCookie.SameSite.ExplicitNone: "None",
}


@dataclass(frozen=True)
class Answer:
    """A whole response; answers are never streamed."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


def of_value(value: TypedData | None) -> Answer:
    """Return the answer for what an HTTP function returned."""
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
    yield from http.headers.items()
    for cookie in http.cookies or ():
        yield "set-cookie", _cookie(cookie)


def _cookie(cookie: RpcHttpCookie) -> str:
    """Write a cookie; ASP.NET percent-encodes the value, so this does."""
    parts = [f"{cookie.name}={quote(cookie.value, safe='')}"]
    if cookie.expires:
        expires = datetime.fromtimestamp(cookie.expires.value.seconds, UTC)
        parts.append(f"expires={format_datetime(expires, usegmt=True)}")
    if cookie.max_age:
        parts.append(f"max-age={cookie.max_age.value:.0f}")
    if cookie.domain and cookie.domain.value:
        parts.append(f"domain={cookie.domain.value}")
    if cookie.path and cookie.path.value:
        parts.append(f"path={cookie.path.value}")
    if cookie.secure and cookie.secure.value:
        parts.append("secure")
    if cookie.same_site in _SAME_SITE:
        parts.append(f"samesite={_SAME_SITE[cookie.same_site]}")
    if cookie.http_only and cookie.http_only.value:
        parts.append("httponly")
    return "; ".join(parts)
