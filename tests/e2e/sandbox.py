"""The settings of the Mailchimp sandbox, and what it says about what arrived."""

import json
from collections.abc import Iterator
from typing import Any

import httpx

LATENCY = 0.05  # seconds, the sandbox's own default


class Sandbox:
    """A client of /sandbox."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=f"{url}/sandbox", timeout=60)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def new_audience(self, name: str, account: int = 1) -> str:
        """Add an empty audience and return its id."""
        return str(self._post(f"/accounts/{account}/audiences", {"name": name}).json()["id"])

    def set_latency(self, seconds: float) -> None:
        """Let every call take so long."""
        self._post("/latency", {"seconds": seconds})

    def queue_faults(self, audience: str, *kinds: str, count: int = 1) -> None:
        """Let the next `count` bulk calls for an audience fail in each of these ways."""
        path = f"*/lists/{audience}"
        each = {"method": "POST", "path": path, "count": count}
        self._post("/faults", [{"kind": kind} | each for kind in kinds])

    def fired(self) -> int:
        """Return how often the queued faults have happened."""
        faults = self._http.get("/faults").raise_for_status().json()
        return sum(fault["fired"] for fault in faults)

    def clear_faults(self) -> None:
        """No more faults."""
        self._http.delete("/faults").raise_for_status()

    def revoke(self, account: int) -> None:
        """Make all access tokens of an account invalid."""
        self._post(f"/accounts/{account}/revoke", {})

    def reset_stats(self) -> None:
        """Start counting anew."""
        self._post("/reset-stats", {})

    def peak_connections(self, account: int) -> int:
        """Return the most connections that an account had at once since the last reset."""
        return int(self._account(account)["peak_connections"])

    def extra_writes(self, audience: str, account: int = 1) -> int:
        """Return how many profiles an audience was sent beyond the first time."""
        return int(self._account(account)["audiences"][audience]["extra_writes"])

    def members(self, audience: str, account: int = 1) -> Iterator[dict[str, Any]]:
        """Yield every member of an audience."""
        url = f"/accounts/{account}/audiences/{audience}/members.ndjson"
        with self._http.stream("GET", url) as answer:
            answer.raise_for_status()
            yield from map(json.loads, answer.iter_lines())

    def _account(self, number: int) -> dict[str, Any]:
        accounts = self._http.get("/stats").raise_for_status().json()["accounts"]
        return next(account for account in accounts if account["account"] == number)

    def _post(self, path: str, body: Any) -> httpx.Response:
        return self._http.post(path, json=body).raise_for_status()
