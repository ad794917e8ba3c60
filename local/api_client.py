"""Calls the API as a person would who connects, exports and runs."""

import re
import time
from collections.abc import Mapping
from typing import Any, Self

import httpx

from local.processes import StackError
from local.sandbox.kit.state import PASSWORD
from shared.domain.connection import TERMS_VERSION

_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
_TRIES = 3  # of a call that is answered 429 or 503, try again later
_LATER = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)
_OVER = ("successful", "failed_permanent", "skipped", "canceled")


class ApiClient:
    """A caller of the API with one token."""

    def __init__(self, api_url: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._api = httpx.Client(base_url=f"{api_url}/api/v1", headers=headers, timeout=60)
        self._browser = httpx.Client(timeout=60, follow_redirects=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._api.close()
        self._browser.close()

    def connect(
        self,
        display_name: str,
        username: str,
        password: str = PASSWORD,
        *,
        destination: str = "mailchimp",
    ) -> str:
        """Set up a connection by signing in, as an administrator does, and return its id."""
        key = self._begin(display_name, destination)
        self.authenticate(key, username, password)
        return self._complete(key)

    def authenticate(self, key: str, username: str, password: str = PASSWORD) -> None:
        """Sign in for a connection; where that meets a busy moment, begin anew, as its page says."""
        for _ in range(_TRIES):
            page = self.call("POST", f"/connections/{key}/connect", {})["authorize_url"]
            if self.sign_in(page, username, password):
                return
        raise StackError(f"The sign-in was answered 503 {_TRIES} times. The host's log says why.")

    def connect_with_key(self, display_name: str, destination: str, host: str, api_key: str) -> str:
        """Set up a connection with a key, and return its id."""
        key = self._begin(display_name, destination)
        self.call("POST", f"/connections/{key}/connect", {"host": host, "api_key": api_key})
        return self._complete(key)

    def _begin(self, display_name: str, destination: str) -> str:
        new = {"destination": destination, "display_name": display_name}
        key = str(self.call("POST", "/connections", new)["id"])
        agreed = {"accepted": True, "terms_version": TERMS_VERSION}
        self.call("POST", f"/connections/{key}/consent", agreed)
        return key

    def _complete(self, key: str) -> str:
        at = f"/connections/{key}"
        self.call("PUT", f"{at}/export-user")
        self.call("POST", f"{at}/save")
        checked = self.call("POST", f"{at}/check")
        if not checked["ok"]:
            raise StackError(f"The connection does not work: {checked['reason']}")
        return key

    def sign_in(self, authorize_url: str, username: str, password: str = PASSWORD) -> bool:
        """Sign in on the vendor's page, as a browser would, and come back through the callback.

        Return False if that said 503, try again; raise StackError for any other refusal.
        """
        answer = self.decide(authorize_url, "allow", username, password)
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return False
        if answer.is_error:
            raise StackError(f"The sign-in failed: {answer.status_code} {answer.text}")
        return True

    def decide(
        self, authorize_url: str, decision: str, username: str, password: str = PASSWORD
    ) -> httpx.Response:
        """Fill in the vendor's page, `allow` or `deny`, and return the page at which that ends."""
        page = self._browser.get(authorize_url).raise_for_status().text
        form: dict[str, str] = dict(_HIDDEN.findall(page))
        form |= {"username": username, "password": password, "decision": decision}
        return self._browser.post(httpx.URL(authorize_url).copy_with(query=None), data=form)

    def newsletter(self, connection_id: str) -> str:
        """Return the id of the list that every account of a sandbox has."""
        found = self.call("GET", f"/connections/{connection_id}/lists?search=newsletter")
        return str(found["items"][0]["id"])

    def export(self, name: str, connection_id: str, segment: str, **changes: Any) -> str:
        """Create an export of a generated segment file to the list Newsletter; return its id."""
        given = {
            "name": name,
            "connection_id": connection_id,
            "list_id": self.newsletter(connection_id),
            "fields": {"email": "EMail", "first_name": "FirstName", "last_name": "LastName"},
            "segments": [segment],
        }
        return str(self.call("POST", "/exports", given | changes)["id"])

    def newest_run(self, export_id: str, trigger: str, *, seconds: float = 120) -> str:
        """Wait until the export has a run that began in this way, and return the newest one's id."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for run in self.call("GET", f"/exports/{export_id}/runs")["items"]:
                if run["trigger"] == trigger:
                    return str(run["id"])
            time.sleep(0.2)
        raise StackError(f"No run began by {trigger} within {seconds:.0f} seconds.")

    def run(self, run_id: str) -> dict[str, Any]:
        """Return a run."""
        return dict(self.call("GET", f"/runs/{run_id}"))

    def finished_run(self, run_id: str, *, seconds: float = 120) -> dict[str, Any]:
        """Wait until a run is over, and return it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            run = self.run(run_id)
            if is_over(run):
                return run
            time.sleep(0.2)
        raise StackError(f"The run was not over within {seconds:.0f} seconds: {run}")

    def rejects(self, run_id: str) -> str:
        """Return all of a run's rejects as CSV, without the mark that the file begins with."""
        pages = [self._api.get(f"/runs/{run_id}/rejects.csv").raise_for_status()]
        while onward := pages[-1].links.get("next"):
            pages.append(self._api.get(httpx.URL(self._api.base_url).join(onward["url"])))
            pages[-1].raise_for_status()
        return b"".join(page.content for page in pages).decode("utf-8-sig")

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON of an answer; raise StackError with the problem if it is one."""
        for _ in range(_TRIES):
            answer = self._api.request(method, path, json=body)
            if answer.status_code not in _LATER:
                break
            many = answer.status_code == httpx.codes.TOO_MANY_REQUESTS
            time.sleep(float(answer.headers["Retry-After"]) if many else 1)
        if answer.is_error:
            raise StackError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None


def is_over(run: Mapping[str, Any]) -> bool:
    """Say whether nothing more will happen to a run by itself."""
    return run["status"] in _OVER
