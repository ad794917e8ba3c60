"""The sandbox of each destination as one test sees all three: seeded before a run, and read after it."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx

from local.stack import Stack
from local.vendors import VENDORS
from tests.e2e.caller import Caller


@dataclass(frozen=True)
class Person:
    """Somebody as a list has them."""

    subscribed: bool
    first_name: str
    last_name: str
    city: str
    phone: str = ""  # only where the API has a field for it


class Side(ABC):
    """The first account of a sandbox."""

    name: ClassVar[str]
    city: ClassVar[str]  # the field of the account's or list's own that cities go to
    refused: ClassVar[str]  # an address that the sandbox refuses, with its number left open
    list_id: str

    def __init__(self, stack: Stack) -> None:
        base = f"{stack.urls[self.name]}/sandbox"
        self._http = httpx.Client(base_url=base, timeout=60)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def connect(self, caller: Caller) -> str:
        """Connect the account, choose a list, and return the connection's id."""
        connection = VENDORS[self.name].connect(caller, VENDORS[self.name])
        self.list_id = self.prepare(caller, connection)
        self._http.post("/reset-stats").raise_for_status()
        return connection

    @abstractmethod
    def prepare(self, caller: Caller, connection: str) -> str:
        """Make the list ready for the test, and return its id."""

    @abstractmethod
    def new_list(self, name: str) -> None:
        """Add an empty list, and take it for the one of the test."""

    @abstractmethod
    def be_quick(self) -> None:
        """Let no job take longer than it must."""

    @abstractmethod
    def seed(self, known: Iterable[str], left: Iterable[str]) -> None:
        """Put people there that the list knows, and people who must not be written to."""

    @abstractmethod
    def held(self) -> dict[str, Person]:
        """Return everybody by address."""

    @abstractmethod
    def exceeded(self) -> Mapping[str, int]:
        """Return how many requests were refused for exceeding a limit, and what was dropped."""

    def _stats(self) -> dict[str, Any]:
        return dict(self._http.get("/stats").raise_for_status().json())

    def _post(self, path: str, body: Any) -> httpx.Response:
        return self._http.post(path, json=body).raise_for_status()

    def _lines(self, path: str) -> Iterator[dict[str, Any]]:
        yield from map(json.loads, self._http.get(path).raise_for_status().text.splitlines())


class MailchimpSide(Side):
    """Mailchimp, with an audience that has a merge field for cities."""

    name = "mailchimp"
    city = "CITY"
    refused = "profile{}@fake.example"

    def prepare(self, caller: Caller, connection: str) -> str:
        self.new_list("Everybody")
        self._post(f"{self._at}/merge-fields", {"tag": "CITY", "name": "City"})
        return self.list_id

    def new_list(self, name: str) -> None:
        self.list_id = str(self._post("/accounts/1/audiences", {"name": name}).json()["id"])
        self._at = f"/accounts/1/audiences/{self.list_id}"

    def be_quick(self) -> None:
        """It is: it has no jobs."""

    def seed(self, known: Iterable[str], left: Iterable[str]) -> None:
        old = {"FNAME": "Old", "LNAME": "Old", "CITY": "Old"}
        people = [{"email": each, "merge_fields": old} for each in known]
        people += [{"email": each, "status": "compliance"} for each in left]
        self._post(f"{self._at}/members", people)

    def held(self) -> dict[str, Person]:
        return {
            one["email"]: Person(
                one["status"] == "subscribed",
                *(one["merge_fields"].get(tag, "") for tag in ("FNAME", "LNAME", "CITY")),
            )
            for one in self._lines(f"{self._at}/members.ndjson")
        }

    def exceeded(self) -> Mapping[str, int]:
        asked = self._stats()["accounts"][0]["requests"]
        return {route: number for route, number in asked.items() if route.endswith(" 429")}


class ConstantContactSide(Side):
    """Constant Contact, with quick jobs that name the people they leave out."""

    name = "constant_contact"
    city = "cf:city"
    refused = ""  # it refuses no address that we would send

    def prepare(self, caller: Caller, connection: str) -> str:
        self.be_quick()
        self._post("/accounts/1/fields", {"name": "city", "label": "City"})
        return caller.newsletter(connection)

    def new_list(self, name: str) -> None:
        self.list_id = str(self._post("/accounts/1/lists", {"name": name}).json()["id"])

    def be_quick(self) -> None:
        settings = {"contacts_per_second": 20_000, "messages": "addresses"}
        self._http.patch("/knobs", json=settings).raise_for_status()

    def seed(self, known: Iterable[str], left: Iterable[str]) -> None:
        old = {"first_name": "Old", "last_name": "Old", "cf:city": "Old"}
        people: list[dict[str, Any]] = [{"email": each, "fields": old} for each in known]
        people += [{"email": each, "status": "unsubscribed"} for each in left]
        self._post("/accounts/1/contacts", people)

    def held(self) -> dict[str, Person]:
        return {
            one["email"]: Person(
                one["status"] == "active" and self.list_id in one["lists"],
                *(one["fields"].get(name, "") for name in ("first_name", "last_name", "cf:city")),
            )
            for one in self._lines("/accounts/1/contacts.ndjson")
        }

    def exceeded(self) -> Mapping[str, int]:
        stats = self._stats()
        dropped = {"truncated": stats["truncated"]} if stats["truncated"] else {}
        return {**stats["exceeded"], **dropped}


class ActiveCampaignSide(Side):
    """ActiveCampaign, with quick imports."""

    name = "activecampaign"
    city = "field:2"  # notes, a text
    refused = "refused+profile{}@example.com"

    def prepare(self, caller: Caller, connection: str) -> str:
        self.be_quick()
        return caller.newsletter(connection)

    def new_list(self, name: str) -> None:
        self.list_id = str(self._post("/accounts/1/lists", {"name": name}).json()["id"])

    def be_quick(self) -> None:
        settings = {"contacts_per_second": 20_000, "start_delay": 0.2}
        self._http.patch("/accounts/1/knobs", json=settings).raise_for_status()

    def seed(self, known: Iterable[str], left: Iterable[str]) -> None:
        old = {"first_name": "Old", "last_name": "Old", "fields": {"2": "Old"}}
        people: list[dict[str, Any]] = [{"email": each, "lists": [], **old} for each in known]
        people += [{"email": each, "status": "unsubscribed"} for each in left]
        self._post("/accounts/1/contacts", people)

    def held(self) -> dict[str, Person]:
        return {
            one["email"]: Person(
                one["lists"].get(self.list_id) == "active",
                one.get("first_name", ""),
                one.get("last_name", ""),
                one["fields"].get("2", ""),
                one.get("phone", ""),
            )
            for one in self._lines("/accounts/1/contacts.ndjson")
        }

    def exceeded(self) -> Mapping[str, int]:
        return dict(self._stats()["accounts"][0]["exceeded"])


SIDES = (MailchimpSide, ConstantContactSide, ActiveCampaignSide)
