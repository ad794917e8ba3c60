"""Mailchimp's sign-in and the calls that setting up an export makes, in memory."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import parse_qs

import httpx

SECRET = "planted-client-secret"
MERGE_FIELDS: tuple[dict[str, object], ...] = (
    {"tag": "FNAME", "name": "First Name", "type": "text"},
    {"tag": "LNAME", "name": "Last Name", "type": "text"},
    {"tag": "BIRTHDAY", "name": "Birthday", "type": "birthday"},
    {"tag": "SIZE", "name": "Size", "type": "dropdown", "options": {"choices": ["S", "M/L"]}},
)


@dataclass(frozen=True)
class Account:
    """An account with its audiences, by id; all have the same merge fields."""

    user_id: int
    name: str
    audiences: dict[str, str]
    dc: str = "us1"
    merge_fields: tuple[dict[str, object], ...] = MERGE_FIELDS


ACME = Account(1, "Acme", {"a1": "Newsletter", "a2": "Customers"})
OTHER = Account(2, "Other", {"b1": "Theirs"})


@dataclass
class FakeAccounts(httpx.AsyncBaseTransport):
    """Several accounts. A code works once and only with our client's secret and redirect address.

    It does not reproduce the sign-in page itself: `allow` says what a person did there.
    """

    redirect_uri: str
    faults: list[httpx.Response] = field(default_factory=list)  # answered first, in order
    paths: list[str] = field(default_factory=list)  # what was asked for
    _numbers: Iterator[int] = field(default_factory=count)  # so that no two codes are the same
    _codes: dict[str, Account] = field(default_factory=dict)
    _tokens: dict[str, Account] = field(default_factory=dict)

    def allow(self, account: Account = ACME) -> str:
        """Let our app into an account; return the code that the browser brings back."""
        code = f"planted-code-{next(self._numbers)}"
        self._codes[code] = account
        return code

    def revoke(self) -> None:
        """Withdraw every token, as an account's owner can."""
        self._tokens.clear()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        self.paths.append(request.url.path)
        if self.faults:
            return self.faults.pop(0)
        if request.url.path == "/oauth2/token":
            return self._token(parse_qs((await request.aread()).decode()))
        account = self._tokens.get(request.headers.get("authorization", "").partition(" ")[2])
        if request.url.path == "/oauth2/metadata":
            return httpx.Response(200, json=_metadata(account))
        if account is None:
            return httpx.Response(401, json={"title": "API Key Invalid", "status": 401})
        return _answer(account, request.url.path)

    def _token(self, form: dict[str, list[str]]) -> httpx.Response:
        account = self._codes.pop(form["code"][0], None)
        right = form["client_secret"] == [SECRET] and form["redirect_uri"] == [self.redirect_uri]
        if account is None or not right:
            return httpx.Response(400, json={"error": "invalid_grant"})
        token = f"planted-token-{next(self._numbers)}-{account.user_id}"
        self._tokens[token] = account
        return httpx.Response(200, json={"access_token": token, "expires_in": 0})


def _metadata(account: Account | None) -> dict[str, object]:
    if account is None:
        return {"error": "invalid_token"}
    return {"dc": account.dc, "user_id": account.user_id, "accountname": account.name}


def web_id(key: str) -> int:
    """Return the number that stands in the addresses of an audience's pages."""
    return 100_000 + int.from_bytes(key.encode()[-3:])


def _answer(account: Account, path: str) -> httpx.Response:
    if path == "/3.0/ping":
        return httpx.Response(200, json={"health_status": "Everything's Chimpy!"})
    if path == "/3.0/lists":
        lists = [
            {"id": key, "web_id": web_id(key), "name": name}
            for key, name in account.audiences.items()
        ]
        return httpx.Response(200, json={"lists": lists})
    key, _, below = path.removeprefix("/3.0/lists/").partition("/")
    if key in account.audiences and below == "merge-fields":
        return httpx.Response(200, json={"merge_fields": list(account.merge_fields)})
    if key in account.audiences and not below:
        body = {"id": key, "name": account.audiences[key], "double_optin": False}
        return httpx.Response(200, json=body)
    return httpx.Response(404, json={"title": "Resource Not Found", "status": 404})
