"""Holds what the sandbox knows: its accounts, their keys and settings, and what they hold."""

import hashlib
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from local.sandbox.activecampaign.callbacks import Report
from local.sandbox.activecampaign.contacts import Contacts
from local.sandbox.activecampaign.imports import Imports, Order
from local.sandbox.activecampaign.rules import planned
from local.sandbox.activecampaign.settings import Settings
from local.sandbox.kit.rates import Window
from local.sandbox.kit.state import KeptFile, SandboxAccount, SandboxState

MULTIPLE = ("checkbox", "listbox", "multiselect")


@dataclass(frozen=True)
class CustomField:
    """A custom field; its personalization tag is made from its title."""

    id: int
    title: str
    type: str = "text"
    options: Sequence[str] = ()
    required: bool = False

    @property
    def tag(self) -> str:
        """Such as LAST_PURCHASE."""
        return self.title.upper().replace(" ", "_")


@dataclass(frozen=True)
class Exclusion:
    """An address that the account excludes, or the end of one."""

    phrase: str
    type: str = "exact"

    def matches(self, email: str) -> bool:
        """Whether it holds for an address."""
        email, phrase = email.lower(), self.phrase.lower()
        return email == phrase if self.type == "exact" else email.endswith(phrase)


class Account(SandboxAccount):
    """An ActiveCampaign account, its single user, and what it has asked for."""

    def __init__(self, number: int, *, key: int = 0) -> None:
        super().__init__(number)
        self.host = f"acme{number}.api-us1.com"
        self.key = key
        self.settings = Settings()
        self.lists = {1: "Newsletter", 2: "Members"}
        fields = [
            CustomField(1, "Last purchase", "date"),
            CustomField(2, "Notes", "textarea"),
            CustomField(3, "Size", "dropdown", ("S", "M", "L")),
            CustomField(4, "Interests", "checkbox", ("Running", "Swimming", "Chess")),
            CustomField(5, "Points", "number"),
        ]
        self.fields = {one.id: one for one in fields}
        self.exclusions: list[Exclusion] = []
        self.contacts = Contacts()
        self.imports = Imports()
        self.reports: deque[Report] = deque()
        self.delivered: Counter[str] = Counter()
        self.exceeded: Counter[str] = Counter()
        self.second = Window(1)
        self.minute = Window(60)
        self.singles = Window(60)

    @property
    def api_key(self) -> str:
        """The user's key; the same on every machine until it is replaced."""
        name = f"ActiveCampaign key {self.key} of account {self.number}"
        return hashlib.sha512(name.encode()).hexdigest()[:72]

    def forget_counts(self) -> None:
        """Start counting anew."""
        super().forget_counts()
        self.exceeded.clear()
        self.delivered.clear()
        self.contacts.forget_counts()

    def excludes(self, email: str) -> bool:
        """Whether an address is on the account's exclusion list."""
        return planned(email) == "excluded" or any(one.matches(email) for one in self.exclusions)

    def accept(self, order: Order, now: float) -> str:
        """Queue an import; returns its id."""
        return self.imports.accept(order, self.settings, now).id

    def settle(self, now: float) -> None:
        """Do what imports are to have done by now."""
        for report in self.imports.run_due(self.contacts, self.lists, self.settings, now):
            times = {"never": 0, "once": 1, "twice": 2}[self.settings.callbacks]
            self.reports.extend([report] * times)

    def due_reports(self, now: float) -> list[Report]:
        """Take the callbacks that are to be sent by now."""
        due = [report for report in self.reports if report.due <= now]
        self.reports = deque(report for report in self.reports if report.due > now)
        return due


class Keys:
    """How often each account's key has been replaced; kept in a file, as connections last longer."""

    def __init__(self, file: Path | None) -> None:
        self._file = KeptFile(file)
        self._replaced: dict[str, int] = self._file.read()

    def of(self, account: int) -> int:
        """The number of the account's key."""
        return self._replaced.get(str(account), 0)

    def replace(self, account: Account) -> None:
        """Give an account another key; the one before opens nothing any more."""
        account.key += 1
        self._replaced[str(account.number)] = account.key
        self._file.write(self._replaced)


@dataclass
class Sandbox(SandboxState[Account]):
    """Everything."""

    accounts: dict[int, Account] = field(
        default_factory=lambda: {number: Account(number) for number in (1, 2)}, kw_only=True
    )
    keys: Keys = field(default_factory=lambda: Keys(None))

    def account(self, host: str) -> Account | None:
        """The account at a host."""
        accounts = self.accounts.values()
        return next((one for one in accounts if one.host == host.lower()), None)

    async def deliver_callbacks(self, client: httpx.AsyncClient) -> int:
        """Send the callbacks that are due; returns how many."""
        self.settle()
        sent = 0
        for account in self.accounts.values():
            for report in account.due_reports(self.clock.now()):
                account.delivered[await report.post(client)] += 1
                sent += 1
        return sent
