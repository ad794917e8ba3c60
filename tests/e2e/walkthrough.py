"""Following one document, step by step, with a wrong turn at each: what is told, and what comes of it."""

import re
from typing import Any

import httpx

from local.sandbox.activecampaign.state import Account as KeyAccount
from shared.domain.connection import TERMS_VERSION
from tests.e2e.caller import Caller
from tests.e2e.documents import Document
from tests.e2e.sides import Person, Side
from tests.e2e.system import System, run_ids, run_now

MOST = 1_000  # profiles of an export here; a setting, so that a walk need not send a million
WRONG_KEY = "planted-key-of-nobody-0123456789"
_NO_LIST = "1234567890"
_PEOPLE = (("Elsa", "Ångström", "+46 8 123 45 67"), ("René", "Lefèvre", "+33 1 23 45 67 89"))
_PAGE = re.compile(r"<h1>(.*?)</h1><p>(.*?)</p>")


class Walkthrough:
    """One document's walk. What its readers are told is kept by what they did, in order."""

    def __init__(self, system: System, document: Document, side: Side) -> None:
        self.document = document
        self.side = side
        self.told: dict[str, tuple[str, ...]] = {}
        self.facts: dict[str, Any] = {}
        self._system = system
        self.administrator, self.contributor, self.viewer = (
            system.caller(role=role, language=document.language)
            for role in ("administrator", "contributor", "viewer")
        )
        self._at = ""
        self._list_id = ""

    def set_up_connection(self) -> None:
        """Follow "Set up connection" from the first step to the last."""
        admin, document = self.administrator, self.document
        new = {"destination": document.destination, "display_name": document.display_name}
        self._refused("add as contributor", self.contributor, "POST", "/connections", new)
        for turn, change in {
            "unknown type": {"destination": "autopilot"},
            "no display name": {"display_name": " "},
            "use by everybody": {"shared_with": "everybody"},
        }.items():
            self._refused(turn, admin, "POST", "/connections", new | change)
        draft = admin.call("POST", "/connections", new)
        self.facts["draft"] = draft
        self._at = f"/connections/{draft['id']}"
        self._consent()
        self._refused("save unconnected", admin, "POST", f"{self._at}/save")
        self._connect()
        self._refused("save without export user", admin, "POST", f"{self._at}/save")
        admin.call("PUT", f"{self._at}/export-user")
        self._drop(len(_PEOPLE))
        self._refused("export on a draft", admin, "POST", "/exports", self._choices())
        self.facts["connection"] = admin.call("POST", f"{self._at}/save")

    def share(self) -> None:
        """Let contributors use the connection, which they do not see before."""
        self.facts["unshared"] = self._seen()
        self._refused("look at an unshared connection", self.contributor, "GET", self._at)
        self._refused(
            "export on an unshared connection",
            self.contributor,
            "POST",
            "/exports",
            self._choices(),
        )
        shared = {"shared_with": "contributors"}
        self._refused("share as contributor", self.contributor, "PATCH", self._at, shared)
        self.administrator.call("PATCH", self._at, shared)
        self.facts["shared"] = self._seen()

    def configure_export(self) -> None:
        """Follow "Configure an export" as a contributor, from "Add export" to "Save"."""
        self.side.new_list(self.document.export)
        self._list_id = self.side.list_id
        wrong: dict[str, dict[str, Any]] = {
            "unknown list": {"list_id": _NO_LIST},
            "no email": {"fields": {"first_name": self.document.fields["first_name"]}},
            "missing column": {"fields": {"email": "Mail"}},
            "no segment": {"segments": []},
            "another table": {"segments": ["CustomerActivities"]},
        }
        for turn, change in wrong.items():
            self._refused(turn, self.contributor, "POST", "/exports", self._choices(**change))
        self._refused("save as viewer", self.viewer, "POST", "/exports", self._choices())
        fields = self.contributor.call("GET", f"{self._at}/fields?list_id={self._list_id}")
        titles = {field["name"]: field["title"] for field in fields["items"]}
        self.told["fields"] = tuple(titles[name] for name in self.document.fields)
        self.facts["export"] = self.contributor.call("POST", "/exports", self._choices())
        self.facts["run by saving"] = run_ids(self.contributor, self.export)

    def set_refresh(self, schedule: dict[str, Any]) -> None:
        """Set the scheduled refresh of the system, which is not for contributors."""
        at = "/refresh-schedule"
        self._refused("set the refresh as contributor", self.contributor, "PUT", at, schedule)
        often = {"times": [f"{hour:02}:00" for hour in range(5)]}
        self._refused("refresh five times a day", self.administrator, "PUT", at, often)
        self.administrator.call("PUT", at, schedule)

    def follow_refresh(self) -> None:
        """Wait for the run that the scheduled refresh begins."""
        run = self.contributor.newest_run(self.export, "refresh")
        self._finished("run by refresh", run)

    def export_on_demand(self) -> str:
        """Run the export on demand; return the run's id."""
        self._refused("run as viewer", self.viewer, "POST", f"/exports/{self.export}/run")
        return run_now(self.contributor, self.export)

    def follow_run(self, run_id: str) -> None:
        """Wait for the run on demand, and look at the list."""
        self._finished("run on demand", run_id)
        self.facts["held"] = self.subscribed()

    def exceed(self) -> None:
        """Drop one profile more than an export may have, and save the export again."""
        self._drop(MOST + 1)
        named = {"name": self.document.export}
        saved = self.contributor.call("PATCH", f"/exports/{self.export}", named)
        self.told["save with too many profiles"] = tuple(
            warning["detail"] for warning in saved["warnings"]
        )
        run = self.contributor.newest_run(self.export, "arrival")
        over = self.contributor.finished_run(run)
        self.facts["too many profiles"] = over
        self.told["send too many profiles"] = (over["reason"],)

    def remove(self) -> None:
        """Stop using the destination: "can be removed at any time"."""
        admin = self.administrator
        self._refused("remove as contributor", self.contributor, "DELETE", self._at)
        self._refused("remove while it is used", admin, "DELETE", self._at)
        self.contributor.call("POST", f"/exports/{self.export}/detach")
        admin.call("DELETE", self._at)
        self._refused("remove again", admin, "DELETE", self._at)
        self._refused("run detached", self.contributor, "POST", f"/exports/{self.export}/run")
        left = self.contributor.call("GET", f"/exports/{self.export}")
        self.facts["left"] = left
        self.told["look at the export"] = (left["idle_reason"],)

    def subscribed(self) -> dict[str, Person]:
        """Return everybody who is on the list, by address."""
        return {
            address: person for address, person in self.side.held().items() if person.subscribed
        }

    @property
    def export(self) -> str:
        """The id of the export."""
        return str(self.facts["export"]["id"])

    @property
    def runs(self) -> list[str]:
        """Every run of the export."""
        return run_ids(self.contributor, self.export)

    @property
    def people(self) -> dict[str, Person]:
        """Everybody who should be on the list, by address."""
        return {
            self._address(number): Person(True, first, last, "", phone if self._has_phone else "")
            for number, (first, last, phone) in enumerate(_PEOPLE)
        }

    def _consent(self) -> None:
        """Select "I agree", after everything else that one might do there."""
        admin, agreed = self.administrator, {"accepted": True, "terms_version": TERMS_VERSION}
        connect = self._key() if self._has_key else {}
        self._refused("connect unagreed", admin, "POST", f"{self._at}/connect", connect)
        wrong: dict[str, dict[str, Any]] = {
            "disagree": {"accepted": False},
            "agree to old terms": {"terms_version": "2020-10"},
        }
        for turn, change in wrong.items():
            self._refused(turn, admin, "POST", f"{self._at}/consent", agreed | change)
        admin.call("POST", f"{self._at}/consent", agreed)

    def _connect(self) -> None:
        """Connect: with a key and a host name, or on the destination's own page."""
        (self._connect_by_key if self._has_key else self._sign_in)()

    def _connect_by_key(self) -> None:
        admin, at = self.administrator, f"{self._at}/connect"
        self._system.traces.secrets.add(WRONG_KEY)
        address = {"host": f"https://{KeyAccount(1).host}/api/3"}
        self._refused("give an address for a host", admin, "POST", at, self._key() | address)
        self._refused("give a wrong key", admin, "POST", at, self._key() | {"api_key": WRONG_KEY})
        admin.call("POST", at, self._key())

    def _sign_in(self) -> None:
        admin, owner = self.administrator, "owner1@example.com"
        page = admin.call("POST", f"{self._at}/connect")["authorize_url"]
        refused = admin.decide(page, "deny", owner)
        self._require_language(refused)
        told = _PAGE.search(refused.text)
        self.told["deny at the destination"] = told.groups() if told else (refused.text,)
        admin.authenticate(self.facts["draft"]["id"], owner)

    @property
    def _has_key(self) -> bool:
        return self.document.destination == "activecampaign"

    @property
    def _has_phone(self) -> bool:
        return "phone" in self.document.fields

    def _key(self) -> dict[str, str]:
        account = KeyAccount(1)
        return {"host": account.host, "api_key": account.api_key}

    def _seen(self) -> list[dict[str, Any]]:
        """Return the connection as a contributor finds it under its destination."""
        found = self.contributor.call("GET", "/connections?limit=100")["items"]
        return [each for each in found if self._at.endswith(each["id"])]

    def _choices(self, **changes: Any) -> dict[str, Any]:
        return {
            "name": self.document.export,
            "connection_id": self._at.rpartition("/")[2],
            "list_id": self._list_id or _NO_LIST,
            "fields": dict(self.document.fields),
            "segments": [self.document.segment],
        } | changes

    def _address(self, number: int) -> str:
        return f"reader{number}.{self.document.language}@example.com"

    def _drop(self, rows: int) -> None:
        """Put a file of so many profiles into the segment."""
        lines = [",".join(self.document.columns)]
        for number in range(rows):
            first, last, phone = _PEOPLE[number % len(_PEOPLE)]
            cells = [self._address(number), first, last, phone, f"C-{number}"]
            lines.append(",".join(cells if self._has_phone else [*cells[:3], cells[4]]))
        path = f"{self.document.segment}/{rows}.csv"
        self._system.put_file(path, "\n".join(lines).encode())

    def _finished(self, turn: str, run_id: str) -> None:
        run = self.contributor.finished_run(run_id)
        self.facts[turn] = run
        self.told[turn] = (run["timeline"][0]["text"],)

    def _refused(self, turn: str, caller: Caller, method: str, path: str, body: Any = None) -> None:
        answer = caller.answer(method, path, body)
        assert answer.is_error, turn
        self._require_language(answer)
        problem = answer.json()
        errors = [f"{error['pointer']}: {error['detail']}" for error in problem["errors"]]
        self.told[turn] = (problem["title"], problem["detail"], *errors)

    def _require_language(self, answer: httpx.Response) -> None:
        assert answer.headers["Content-Language"] == self.document.language
