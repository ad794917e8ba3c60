"""What a sandbox knows: its accounts, tokens, faults and settings."""

import base64
import binascii
import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from local.sandbox.clock import Clock
from local.sandbox.faults import Faults
from local.sandbox.mailchimp.audience import Audience
from local.sandbox.mailchimp.fields import MergeField

PASSWORD = "sandbox"  # noqa: S105 # of every account, and meant to be known


def audience_id(account: int, name: str) -> str:
    """Ten hexadecimal digits, the same on every machine."""
    return hashlib.sha256(f"{account} {name}".encode()).hexdigest()[:10]


def new_audience(account: int, name: str, *, double_optin: bool = False) -> Audience:
    """An empty audience with the fields that Mailchimp gives every new one."""
    fields = [
        MergeField(1, "FNAME", "First Name", options={"size": 25}),
        MergeField(2, "LNAME", "Last Name", options={"size": 25}),
        MergeField(3, "ADDRESS", "Address", "address", options={"default_country": 164}),
        MergeField(4, "PHONE", "Phone Number", "phone", options={"phone_format": "International"}),
    ]
    return Audience(
        audience_id(account, name), name, double_optin, {one.tag: one for one in fields}
    )


class Account:
    """A Mailchimp account, its single user, and what it has asked for."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.datacenter = f"us{number}"
        self.email = f"owner{number}@example.com"
        self.name = f"Sandbox account {number}"
        key = hashlib.sha256(f"key {number}".encode()).hexdigest()[:32]
        self.api_key = f"{key}-{self.datacenter}"
        audiences = [
            new_audience(number, "Newsletter"),
            new_audience(number, "Members (double opt-in)", double_optin=True),
        ]
        self.audiences = {audience.id: audience for audience in audiences}
        self.latency: float | None = None
        self.connections = 0
        self.forget_counts()

    def forget_counts(self) -> None:
        """Start counting anew."""
        self.requests: Counter[str] = Counter()
        self.bulk_calls = 0
        self.peak_connections = self.connections
        self.crowded = 0  # requests that were refused for too many connections
        for audience in self.audiences.values():
            audience.forget_counts()

    def connect(self) -> None:
        """One more request under way."""
        self.connections += 1
        self.peak_connections = max(self.peak_connections, self.connections)

    def disconnect(self) -> None:
        """One fewer."""
        self.connections -= 1


class Tokens:
    """Access tokens and whose they are; kept in a file, as connections outlive the sandbox."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._accounts: dict[str, int] = {}
        if file and file.exists():
            self._accounts = json.loads(file.read_text())

    def account(self, token: str) -> int | None:
        """The account's number."""
        return self._accounts.get(token)

    def add(self, token: str, account: int) -> None:
        """Let `token` speak for `account`."""
        self._accounts[token] = account
        self._write()

    def revoke(self, account: int) -> int:
        """Forget all tokens of an account; returns how many there were."""
        left = {token: owner for token, owner in self._accounts.items() if owner != account}
        revoked = len(self._accounts) - len(left)
        self._accounts = left
        self._write()
        return revoked

    def _write(self) -> None:
        if self._file:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.touch(mode=0o600)
            self._file.write_text(json.dumps(self._accounts))


@dataclass
class Sandbox:
    """Everything, and the settings; `latency` in the sandbox's seconds per call."""

    clock: Clock
    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...]
    accounts: dict[int, Account] = field(
        default_factory=lambda: {number: Account(number) for number in (1, 2)}
    )
    tokens: Tokens = field(default_factory=lambda: Tokens(None))
    faults: Faults = field(default_factory=Faults)
    latency: float = 0
    connections: int = 10  # that an account may have open at once
    lean_answers: bool = False

    def caller(self, authorization: str) -> Account | None:
        """Whose token or API key an Authorization header holds."""
        scheme, _, credential = authorization.partition(" ")
        if scheme.lower() == "basic":
            try:
                _, _, credential = base64.b64decode(credential).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return None
        elif scheme.lower() not in ("bearer", "oauth"):
            return None
        for account in self.accounts.values():
            if credential == account.api_key:
                return account
        return self.accounts.get(self.tokens.account(credential) or 0)
