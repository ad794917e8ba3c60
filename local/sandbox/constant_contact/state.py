"""Holds what the sandbox knows: its application, accounts, tokens, faults and settings."""

import secrets
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt

from local.sandbox.constant_contact.activities import Activities
from local.sandbox.constant_contact.contacts import Contacts
from local.sandbox.constant_contact.settings import Settings
from local.sandbox.kit.oauth import OAuthState
from local.sandbox.kit.rates import Window
from local.sandbox.kit.state import KeptFile, SandboxAccount

SCOPES = ("contact_data", "account_read", "offline_access")
PRIVILEGES = {
    "campaign": ("campaign:create", "campaign:send"),
    "contacts": ("account:read", "contacts:read", "contacts:write", "contacts:lists:read"),
}
REFRESH_LIFE = 180 * 86_400  # seconds that a refresh token lasts unused
_NAMES = uuid.UUID(
    "06526938-56dd-11e9-932a-fa163ea075fa"
)  # so that ids are the same on every machine


@dataclass
class ContactList:
    """A list; a deleted one is still told of."""

    id: str
    name: str
    deleted: float | None = None


@dataclass(frozen=True)
class CustomField:
    """A custom field."""

    name: str
    label: str
    type: str = "string"
    choices: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The same on every machine."""
        return str(uuid.uuid5(_NAMES, self.name))


class Account(SandboxAccount):
    """A Constant Contact account, its single user, and what it has asked for."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.encoded_id = f"p07e1l8cdif{number}"
        lists = [self.new_list(name) for name in ("Newsletter", "Members")]
        self.lists = {each.id: each for each in lists}
        fields = [
            CustomField("shoe_size", "Shoe size"),
            CustomField("last_purchase", "Last purchase", "date"),
        ]
        self.fields = {one.name: one for one in fields}
        self.privileges = set(PRIVILEGES["contacts"]) | set(PRIVILEGES["campaign"])
        self.contacts = Contacts()
        self.activities = Activities()

    def new_list(self, name: str) -> ContactList:
        """Return a list with the id that its name makes."""
        return ContactList(str(uuid.uuid5(_NAMES, f"{self.number} {name}")), name)

    def forget_counts(self) -> None:
        """Start counting anew."""
        super().forget_counts()
        self.contacts.forget_counts()

    def settle(self, now: float) -> None:
        """Do what imports are to have done by now."""
        self.activities.settle(self.contacts, frozenset(self.fields), now)


class Tokens:
    """Refresh tokens and the key of access tokens; kept in a file, as connections outlive the sandbox."""

    def __init__(self, file: Path | None) -> None:
        self._file = KeptFile(file)
        kept = self._file.read()
        self._key: str = kept.get("key") or secrets.token_hex(32)
        self._refresh: dict[str, list[Any]] = kept.get(
            "refresh", {}
        )  # token -> account, grant, used
        self._series: dict[str, int] = kept.get("series", {})  # account -> of its access tokens
        self.issued = 0

    def grant(self, account: int, now: float, seconds: float) -> tuple[str, str]:
        """Return the access and the refresh token of a new sign-in."""
        refresh = secrets.token_urlsafe(24)
        self._refresh[refresh] = [account, secrets.token_hex(8), now]
        self._write()
        return self._access(account, now, seconds), refresh

    def renew(
        self, token: str, now: float, seconds: float, rotating: bool
    ) -> tuple[str, str] | None:
        """Return new tokens for a refresh token; None if it is unknown, used or too old."""
        known = self._refresh.get(token)
        if known is None or now - known[2] > REFRESH_LIFE:
            return None
        account, grant, _ = known
        refresh = token
        if rotating:
            # Using one kills all earlier ones of the same sign-in.
            self._refresh = {t: k for t, k in self._refresh.items() if k[1] != grant}
            refresh = secrets.token_urlsafe(24)
        self._refresh[refresh] = [account, grant, now]
        self._write()
        return self._access(account, now, seconds), refresh

    def account(self, access: str, now: float) -> int | None:
        """Return whose a valid access token is."""
        try:
            claims = jwt.decode(
                access, self._key, ["HS256"], options={"verify_exp": False, "verify_iat": False}
            )
        except jwt.InvalidTokenError:
            return None
        account = int(claims["account"])
        ended = claims["exp"] <= now or claims["series"] < self._series.get(str(account), 0)
        return None if ended else account

    def expire(self, account: int) -> None:
        """End all access tokens of an account; refresh tokens go on working."""
        self._series[str(account)] = self._series.get(str(account), 0) + 1
        self._write()

    def revoke(self, account: int) -> None:
        """End everything that was given out for an account."""
        self._refresh = {t: known for t, known in self._refresh.items() if known[0] != account}
        self.expire(account)

    def forget(self, token: str) -> None:
        """End one refresh token."""
        self._refresh.pop(token, None)
        self._write()

    def _access(self, account: int, now: float, seconds: float) -> str:
        self.issued += 1
        claims = {
            "account": account,
            "series": self._series.get(str(account), 0),
            "iat": now,
            "exp": now + seconds,
            "scp": list(SCOPES),
            "jti": secrets.token_hex(8),
        }
        return jwt.encode(claims, self._key, "HS256")

    def _write(self) -> None:
        self._file.write({"key": self._key, "refresh": self._refresh, "series": self._series})


@dataclass
class Sandbox(OAuthState[Account]):
    """Everything, and the settings."""

    accounts: dict[int, Account] = field(
        default_factory=lambda: {number: Account(number) for number in (1, 2)}, kw_only=True
    )
    tokens: Tokens = field(default_factory=lambda: Tokens(None))
    settings: Settings = field(default_factory=Settings)
    revoked: bool = False  # the application, by the vendor or the account's owner
    exceeded: Counter[str] = field(default_factory=Counter)  # requests too many, by limit
    truncated: int = 0  # contacts that were dropped without a word
    second: Window = field(default_factory=lambda: Window(1))
    token_second: Window = field(default_factory=lambda: Window(1))
    day: int = 0
    today: int = 0  # requests of the day

    def caller(self, authorization: str) -> Account | None:
        """Whose access token an Authorization header holds."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        return self.accounts.get(self.tokens.account(token, self.clock.now()) or 0)

    def exceeds(self) -> str | None:
        """Count a request of the application, or return the limit that it exceeds."""
        now = self.clock.now()
        day = int(now // 86_400)
        if day != self.day:
            self.day, self.today = day, 0
        if self.today >= self.settings.requests_per_day:
            return "requests_per_day"
        if not self.second.left(self.settings.requests_per_second, now):
            return "requests_per_second"
        self.second.take(now)
        self.today += 1
        return None

    def forget_counts(self) -> None:
        """Start counting anew; contacts and the day's requests stay."""
        super().forget_counts()
        self.exceeded.clear()
        self.truncated = 0
