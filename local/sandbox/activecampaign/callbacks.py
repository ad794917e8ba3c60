"""Posts what an import asked for to the address that it gave, once it has completed.

Published: that it is sent, by GET or POST; that `params` are added to the address or the body and
`headers` to the request; and that a POST with `detailed_results` "true" holds the numbers of
successes and failures and an error message for each contact that failed. The names in that body,
that it is JSON, and that it is not tried again are our guesses.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import httpx

from local.sandbox.activecampaign.rules import truthy


@dataclass(frozen=True, slots=True)
class Callback:
    """What a request asked for."""

    url: str
    method: str
    detailed: bool
    params: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Read a valid `callback`."""
        return cls(
            given["url"],
            given["requestType"].upper(),
            truthy(given.get("detailed_results", "true")),
            *(
                tuple((one["key"], one["value"]) for one in given.get(name, ()) if one["key"])
                for name in ("params", "headers")
            ),
        )


def _allowed(url: httpx.URL) -> bool:
    """Whether an address is on this machine or goes over TLS: no letters to strangers."""
    if url.scheme == "https":
        return bool(url.host)
    return url.scheme == "http" and _is_loopback(url.host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class Report:
    """One that is to be sent, when it is due."""

    due: float
    batch: str
    callback: Callback
    written: int
    failures: Sequence[tuple[str, str]]

    async def post(self, client: httpx.AsyncClient) -> str:
        """Send it; returns the status, or what happened instead."""
        callback = self.callback
        try:
            url = httpx.URL(callback.url)
            if not _allowed(url):
                return "not allowed"
            if callback.method == "GET":
                url = url.copy_merge_params(callback.params)
            answer = await client.request(
                callback.method,
                url,
                json=self._body() if callback.method == "POST" else None,
                headers=dict(callback.headers),
            )
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            return type(error).__name__
        return str(answer.status_code)

    def _body(self) -> dict[str, Any]:
        body: dict[str, Any] = dict(self.callback.params)
        if self.callback.detailed:
            body |= {
                "batchId": self.batch,
                "success": self.written,
                "failure": len(self.failures),
                "failures": [{"email": email, "error": text} for email, text in self.failures],
            }
        return body
