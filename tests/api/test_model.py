"""Several people do whatever comes to their minds, and the API agrees with a small model of it."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace
from itertools import cycle
from typing import Any

import httpx
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from local.identity import Identity, SigningKey
from shared.domain.message import say
from shared.domain.run import RunStatus
from tests.api.fuzzing import effort
from tests.api.model import Connection as Link
from tests.api.model import Export, Model, Refused, User
from tests.api.office import Office, choices, contract
from tests.api.vendors import LINKED, Vendors
from tests.fakes.accounts import ACME, OTHER
from tests.fakes.storage import MemoryRecords

PEOPLE = [
    User("First administrator", "administrator"),
    User("Second administrator", "administrator"),
    User("First contributor", "contributor"),
    User("Second contributor", "contributor"),
    User("Viewer", "viewer"),
]
ACCOUNTS = {"us1-1": ACME, "us1-2": OTHER}
KEYS = {"right": "planted-key", "wrong": "another-key"}

pytestmark = pytest.mark.fuzz

somebody = st.sampled_from(PEOPLE)
rarely = st.integers(0, 7).map(lambda drawn: drawn == 7)
connections = st.runner().flatmap(lambda people: known(people.model.connections))
exports = st.runner().flatmap(lambda people: known(people.model.exports))
detached = st.runner().flatmap(
    lambda people: known([k for k, each in people.model.exports.items() if not each.connection])
)
lists = st.sampled_from(["a1", "a1", "a2", "b1", "news", "news"])
destinations = st.sampled_from(["mailchimp", "mailchimp", "postbox"])
following = st.sampled_from(["system", "own", "off"])


def known(there: Collection[str]) -> st.SearchStrategy[str]:
    """Draw an id, mostly one of something that is there."""
    return st.sampled_from([*there, *there, *there, "unknown"])


def schedule(follows: str) -> dict[str, Any]:
    own = {"own": {"times": ["06:30"], "days": ["monday"]}} if follows == "own" else {}
    return {"follows": follows, **own}


class People(RuleBasedStateMachine):
    """Each rule does one thing at the API and in the model; a new operation is a rule more."""

    key: SigningKey

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.office = Office(self.key)
        self.vendors = Vendors(self.office)
        self.model = Model()
        self.readers = cycle(PEOPLE)
        self.do(self.vendors.linked.set(LINKED, KEYS["right"]))
        self.do(self.office.drop())

    def teardown(self) -> None:
        self.runner.close()

    def do(self, step: Any) -> Any:
        return self.runner.run(step)

    def ask(
        self, who: User, method: str, path: str, body: Any = None, stale: bool = False
    ) -> httpx.Response:
        identity = Identity(who.name, "somebody@example.com")
        token = self.office.issuer.token(who.role, identity=identity)
        headers = {"Authorization": f"Bearer {token}"}
        if stale:
            headers["If-Match"] = '"outdated"'
        answer: httpx.Response = self.do(
            self.office.ask(method, path, body, role=None, headers=headers)
        )
        return answer

    def agree(
        self,
        move: Callable[..., int],
        who: User,
        request: str,
        key: str,
        *more: Any,
        body: Any = None,
        stale: bool = False,
    ) -> httpx.Response | None:
        """Do the same to the API and to the model; return the answer unless both refuse.

        Some people bring an ETag that is outdated, where an operation asks for one.
        """
        method, path = request.split()
        stale = stale and takes_etags(f"{method} /api/v1{path}")
        expected = status(lambda: move(who, key, stale, *more))
        answer = self.ask(who, method, path.replace("{key}", key), body, stale)
        assert answer.status_code == expected, (request, who.role, answer.text)
        return answer if answer.is_success else None

    # Connections

    @initialize(shared=st.booleans())
    def begin_with_something(self, shared: bool) -> None:
        self.set_up("mailchimp", shared)
        self.set_up("postbox", not shared)
        for key, list_id in zip(list(self.model.connections), ("a1", "news"), strict=True):
            self.create_export(PEOPLE[0], key, list_id)

    @rule(destination=destinations, shared=st.booleans())
    def set_up(self, destination: str, shared: bool) -> None:
        """Do all steps at once, so that there is something to put exports on."""
        who = PEOPLE[0]
        self.begin(who, destination, shared)
        key = list(self.model.connections)[-1]
        self.give_consent(who, key, False)
        if destination == "mailchimp":
            self.sign_in(who, key, False, "us1-1", False)
        else:
            self.connect_with_key(who, key, False, "right", False)
        self.add_export_user(who, key, False)
        self.save(who, key, False)

    @rule(who=somebody, destination=destinations, shared=st.booleans())
    def begin(self, who: User, destination: str, shared: bool) -> None:
        body = {"destination": destination, "display_name": "One", "shared_with": sharing(shared)}
        answer = self.ask(who, "POST", "/connections", body)
        assert answer.status_code == status(lambda: self.model.begin(who))
        if answer.is_success:
            self.model.connections[answer.json()["id"]] = Link(destination, shared)

    @rule(who=somebody, key=connections, stale=rarely)
    def give_consent(self, who: User, key: str, stale: bool) -> None:
        body = {"accepted": True, "terms_version": "2026-11"}
        request = "POST /connections/{key}/consent"
        self.agree(self.model.give_consent, who, request, key, body=body, stale=stale)

    @rule(
        who=somebody,
        key=connections,
        stale=rarely,
        account=st.sampled_from(sorted(ACCOUNTS)),
        allow_other=st.booleans(),
    )
    def sign_in(self, who: User, key: str, stale: bool, account: str, allow_other: bool) -> None:
        request = "POST /connections/{key}/connect"
        body = {"allow_other_account": True} if allow_other else {}
        page = self.agree(self.model.begin_sign_in, who, request, key, body=body, stale=stale)
        if page is None:
            return
        state = httpx.URL(page.json()["authorize_url"]).params["state"]
        code = self.office.accounts.allow(ACCOUNTS[account])
        back = self.do(self.office.come_back(state=state, code=code))
        expected = status(lambda: self.model.finish_sign_in(key, account, allow_other))
        assert back.status_code == expected

    @rule(
        who=somebody,
        key=connections,
        stale=rarely,
        which=st.sampled_from(["right", "right", "wrong"]),
        linked=st.booleans(),
    )
    def connect_with_key(self, who: User, key: str, stale: bool, which: str, linked: bool) -> None:
        if linked:
            which = "right"
        given = {"secret_name": LINKED} if linked else {"api_key": KEYS[which]}
        self.agree(
            self.model.connect_with_key,
            who,
            "POST /connections/{key}/connect",
            key,
            which == "right",
            linked,
            body={"host": "acme", **given},
            stale=stale,
        )

    @rule(who=somebody, key=connections, stale=rarely)
    def add_export_user(self, who: User, key: str, stale: bool) -> None:
        request = "PUT /connections/{key}/export-user"
        self.agree(self.model.add_export_user, who, request, key, stale=stale)

    @rule(who=somebody, key=connections, stale=rarely)
    def save(self, who: User, key: str, stale: bool) -> None:
        self.agree(self.model.save, who, "POST /connections/{key}/save", key, stale=stale)

    @rule(who=somebody, key=connections, stale=rarely)
    def check(self, who: User, key: str, stale: bool) -> None:
        request = "POST /connections/{key}/check"
        if answer := self.agree(self.model.check, who, request, key, stale=stale):
            assert answer.json()["ok"] is self.model.connections[key].works

    @rule(who=somebody, key=connections, stale=rarely, shared=st.booleans())
    def share(self, who: User, key: str, stale: bool, shared: bool) -> None:
        body = {"shared_with": sharing(shared)}
        request = "PATCH /connections/{key}"
        self.agree(self.model.share, who, request, key, shared, body=body, stale=stale)

    @rule(who=somebody, key=connections, stale=rarely)
    def remove_connection(self, who: User, key: str, stale: bool) -> None:
        request = "DELETE /connections/{key}"
        self.agree(self.model.remove_connection, who, request, key, stale=stale)

    @rule(who=somebody, key=connections)
    def see_connection(self, who: User, key: str) -> None:
        self.agree(self.model.see_connection, who, "GET /connections/{key}", key)

    @rule(who=somebody, key=connections)
    def see_lists(self, who: User, key: str) -> None:
        self.agree(self.model.see_lists, who, "GET /connections/{key}/lists", key)

    @precondition(lambda people: people.model.exports)
    @rule()
    def revoke(self) -> None:
        self.model.revoke()
        self.office.accounts.revoke()

    @rule(is_right=st.booleans())
    def change_key(self, is_right: bool) -> None:
        self.model.change_key(is_right)
        self.vendors.postbox.key = KEYS["right"] if is_right else "planted-new-key"

    # Exports

    @rule(who=somebody, connection=connections, list_id=lists)
    def create_export(self, who: User, connection: str, list_id: str) -> None:
        expected = status(lambda: self.model.create_export(who, connection, list_id))
        answer = self.ask(who, "POST", "/exports", choices(connection, list_id=list_id))
        assert answer.status_code == expected, answer.text
        if answer.is_success:
            destination = self.model.connections[connection].destination
            made = Export(destination, connection, list_id)
            self.model.exports[answer.json()["id"]] = made

    @rule(who=somebody, key=exports)
    def copy(self, who: User, key: str) -> None:
        if answer := self.agree(self.model.copy, who, "POST /exports/{key}/duplicate", key):
            copied = replace(self.model.exports[key], runs=[])
            self.model.exports[answer.json()["id"]] = copied

    @rule(who=somebody, key=exports, stale=rarely)
    def rename(self, who: User, key: str, stale: bool) -> None:
        body = {"name": f"Of {who.name}"}
        self.agree(self.model.rename, who, "PATCH /exports/{key}", key, body=body, stale=stale)

    @rule(who=somebody, key=exports, stale=rarely, list_id=lists)
    def aim(self, who: User, key: str, stale: bool, list_id: str) -> None:
        body = {"list_id": list_id}
        request = "PATCH /exports/{key}"
        self.agree(self.model.aim, who, request, key, list_id, body=body, stale=stale)

    @rule(who=somebody, key=exports, stale=rarely)
    def detach(self, who: User, key: str, stale: bool) -> None:
        self.agree(self.model.detach, who, "POST /exports/{key}/detach", key, stale=stale)

    @rule(who=somebody, key=exports | detached, stale=rarely, connection=connections, list_id=lists)
    def attach(self, who: User, key: str, stale: bool, connection: str, list_id: str) -> None:
        self.agree(
            self.model.attach,
            who,
            "POST /exports/{key}/attach",
            key,
            connection,
            list_id,
            body={"connection_id": connection, "list_id": list_id},
            stale=stale,
        )

    @rule(who=somebody, key=exports, stale=rarely, follows=following)
    def schedule(self, who: User, key: str, stale: bool, follows: str) -> None:
        body = schedule(follows)
        request = "PUT /exports/{key}/schedule"
        self.agree(self.model.schedule, who, request, key, follows, body=body, stale=stale)

    @rule(who=somebody, key=exports)
    def run(self, who: User, key: str) -> None:
        self.office.clock.advance(1)  # runs are told apart by when they were asked for
        answer = self.agree(self.model.run, who, "POST /exports/{key}/run", key, body={})
        if answer:
            assert answer.json()["status"] == self.model.exports[key].runs[-1]

    @rule(who=somebody, key=exports, stale=rarely)
    def remove_export(self, who: User, key: str, stale: bool) -> None:
        self.agree(self.model.remove_export, who, "DELETE /exports/{key}", key, stale=stale)

    @rule()
    def end_runs(self) -> None:
        """The triggers that work on runs are not part of this, so they are ended in storage."""
        self.model.end_runs()
        self.do(self._end_runs())

    async def _end_runs(self) -> None:
        records, now = self.office.services.storage.runs, self.office.clock.now()
        assert isinstance(records, MemoryRecords)
        for key in self.model.exports:
            for stored in await records.page(key):
                if stored.value.status is RunStatus.QUEUED:
                    run = stored.value.over(RunStatus.SUCCESSFUL, now, say("Done."))
                    await records.put(key, stored.key, run)

    # All at once

    @rule(who=somebody)
    def run_all(self, who: User) -> None:
        self.office.clock.advance(1)
        answer = self.ask(who, "POST", "/exports/run-all", {})
        assert answer.status_code == (202 if who.is_contributor else 403)
        if not who.is_contributor:
            return
        begun, told = self.model.run_all(who), answer.json()
        assert {run["export_id"] for run in told["runs"]} == begun
        assert {each["export_id"] for each in told["left_out"]} == self.model.exports.keys() - begun

    @rule(who=somebody, follows=following, override=st.booleans())
    def schedule_all(self, who: User, follows: str, override: bool) -> None:
        body = {"schedule": schedule(follows), "existing": "override" if override else "keep"}
        answer = self.ask(who, "PUT", "/exports/schedules", body)
        assert answer.status_code == (200 if who.is_contributor else 403)
        if who.is_contributor:
            changed = self.model.schedule_all(who, follows, override)
            assert set(answer.json()["changed"]) == changed

    @rule(who=somebody, times=st.sampled_from([[], ["06:30:00"], ["06:30:00", "18:00:00"]]))
    def set_refresh(self, who: User, times: list[str]) -> None:
        answer = self.ask(who, "PUT", "/refresh-schedule", {"times": times})
        assert answer.status_code == status(lambda: self.model.set_refresh(who, times))
        assert self.ask(PEOPLE[1], "GET", "/refresh-schedule").json()["times"] == self.model.times

    # What everybody sees is what the model says

    def seen(self, who: User, what: str) -> dict[str, Any]:
        answer = self.ask(who, "GET", f"/{what}?limit=100")
        assert answer.status_code == 200, answer.text
        return {item["id"]: item for item in answer.json()["items"]}

    @invariant()
    def administrators_see_every_connection(self) -> None:
        found = self.seen(PEOPLE[0], "connections")
        assert found.keys() == self.model.connections.keys()
        for key, link in self.model.connections.items():
            item = found[key]
            assert item["status"] == link.status
            assert item["shared_with"] == sharing(link.shared)
            assert (item["consent"] is not None) is link.agreed
            assert (item["account"] or {}).get("id") == link.account
            assert item["linked_secret"] is link.is_linked
            assert (item["export_user"] or {}).get("name") == link.export_user

    @invariant()
    def contributors_see_the_connections_that_they_may_use(self) -> None:
        found = self.seen(PEOPLE[2], "connections")
        links = self.model.connections.items()
        assert found.keys() == {key for key, link in links if link.is_usable_by(PEOPLE[2])}
        for item in found.values():
            assert item.keys() == {"id", "destination", "display_name"}

    @invariant()
    def everybody_sees_every_export_and_what_they_may_do(self) -> None:
        who = next(self.readers)
        found = self.seen(who, "exports")
        assert found.keys() == self.model.exports.keys()
        for key, export in self.model.exports.items():
            item, idle = found[key], self.model.idle(export)
            can_edit = self.model.can_edit(who, export)
            can = {"edit": can_edit, "run": can_edit and idle is None, "view": True}
            assert (item["can"], item["idle"]) == (can, idle)
            assert (item["connection_id"], item["list_id"]) == (export.connection, export.list_id)
            assert item["schedule"]["follows"] == export.follows
            assert item["status"] == (export.runs[-1] if export.runs else "not_started")


def sharing(shared: bool) -> str:
    return "contributors" if shared else "administrators"


def status(move: Callable[[], int]) -> int:
    try:
        return move()
    except Refused as refused:
        return refused.status


def takes_etags(request: str) -> bool:
    parameters = contract().operations[request].get("parameters", [])
    return any(each["name"].lower() == "if-match" for each in parameters)


def test_the_api_agrees_with_a_model_of_it_whatever_people_do(signing_key: SigningKey) -> None:
    People.key = signing_key
    run_state_machine_as_test(People, settings=effort(35, steps=30))
