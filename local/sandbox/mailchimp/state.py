"""Holds what the sandbox knows: its accounts, tokens, faults and settings."""

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from local.sandbox.kit.oauth import OAuthState
from local.sandbox.kit.state import KeptFile, SandboxAccount
from local.sandbox.mailchimp.audience import Audience
from local.sandbox.mailchimp.fields import MergeField


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


class Account(SandboxAccount):
    """A Mailchimp account, its single user, and what it has asked for."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.datacenter = f"us{number}"
        key = hashlib.sha256(f"key {number}".encode()).hexdigest()[:32]
        self.api_key = f"{key}-{self.datacenter}"
        audiences = [
            new_audience(number, "Newsletter"),
            new_audience(number, "Members (double opt-in)", double_optin=True),
        ]
        self.audiences = {audience.id: audience for audience in audiences}
        self.forget_counts()

    def forget_counts(self) -> None:
        """Start counting anew."""
        super().forget_counts()
        self.bulk_calls = 0
        self.crowded = 0  # requests that were refused for too many connections
        for audience in self.audiences.values():
            audience.forget_counts()


class Tokens:
    """Access tokens and whose they are; kept in a file, as connections outlive the sandbox."""

    def __init__(self, file: Path | None) -> None:
        self._file = KeptFile(file)
        self._accounts: dict[str, int] = self._file.read()

    def account(self, token: str) -> int | None:
        """The account's number."""
        return self._accounts.get(token)

    def add(self, token: str, account: int) -> None:
        """Let `token` speak for `account`."""
        self._accounts[token] = account
        self._file.write(self._accounts)

    def revoke(self, account: int) -> int:
        """Forget all tokens of an account; returns how many there were."""
        left = {token: owner for token, owner in self._accounts.items() if owner != account}
        revoked = len(self._accounts) - len(left)
        self._accounts = left
        self._file.write(self._accounts)
        return revoked


@dataclass
class Sandbox(OAuthState[Account]):
    """Everything, and the settings."""

    accounts: dict[int, Account] = field(
        default_factory=lambda: {number: Account(number) for number in (1, 2)}, kw_only=True
    )
    tokens: Tokens = field(default_factory=lambda: Tokens(None))
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
