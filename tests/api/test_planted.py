"""Secrets of every destination, through every step: none shows up anywhere but in the vault."""

import json
import logging
from dataclasses import dataclass, field, fields, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from shared.storage.ports import Storage
from tests.api.office import Office, choices
from tests.api.vendors import LINKED, Vendors
from tests.fakes.accounts import SECRET
from tests.fakes.storage import WatchedSecrets

WRONG = "planted-wrong-key-0123456789"


@dataclass
class Planted:
    """An office in which everything secret was used, and everything that was said there."""

    office: Office
    vendors: Vendors
    vault: WatchedSecrets
    answers: list[str] = field(default_factory=list)
    passing: set[str] = field(default_factory=set)  # states and codes, which addresses must hold

    async def note(self, answer: httpx.Response) -> None:
        """Remember an answer, and what passed in its address."""
        await answer.aread()
        query = parse_qs(urlsplit(str(answer.request.url)).query)
        self.passing |= {value for name in ("state", "code") for value in query.get(name, [])}
        head = json.dumps(dict(answer.headers))
        if "authorize_url" not in answer.text:  # for the caller's browser, with the state in it
            self.answers.append(
                f"{answer.request.method} {answer.request.url.path} {head} {answer.text}"
            )

    def secrets(self) -> set[str]:
        """Return every secret: of ours, of accounts, and each token or key within."""
        account = self.vendors.activecampaign.accounts[1]
        found = {SECRET, WRONG, account.api_key, "planted-linked-key"}
        for value in (value for values in self.vault.stored.values() for value in values):
            found.add(value)
            if value.startswith("{"):
                found |= {part for part in json.loads(value).values() if len(part) > 10}
        return {each for each in found if len(each) > 10} | self.passing - {""}


async def connected(planted: Planted) -> dict[str, str]:
    """Connect an account of each destination in the way that it has."""
    office, vendors = planted.office, planted.vendors
    account = vendors.activecampaign.accounts[1]
    keys = {"mailchimp": await office.ready()}
    for name in ("constant_contact", "activecampaign", "postbox"):
        keys[name] = await vendors.agreed(name)
    assert (await vendors.through_the_page(keys["constant_contact"])).status_code == 303
    given = {"host": account.host, "api_key": WRONG}
    refused = await vendors.with_key(keys["activecampaign"], **given)
    assert refused.status_code == 422
    given = {"host": account.host, "api_key": account.api_key}
    assert (await vendors.with_key(keys["activecampaign"], **given)).status_code == 200
    assert (await vendors.with_key(keys["postbox"], secret_name=LINKED)).status_code == 200
    for key in keys.values():
        await office.done("PUT", f"/connections/{key}/export-user")
        await office.done("POST", f"/connections/{key}/save")
    return keys


async def used(planted: Planted, keys: dict[str, str]) -> None:
    """Use each of them, let tokens end, spoil each, and read all that there is to read."""
    office, vendors = planted.office, planted.vendors
    export = await office.export(keys["mailchimp"])
    run = await office.done("POST", f"/exports/{export}/run", {})
    office.clock.advance(2 * 24 * 3600)  # tokens of Constant Contact are refreshed after this
    for key in keys.values():
        assert (await office.done("POST", f"/connections/{key}/check"))["ok"] is True
        await office.ask("GET", f"/connections/{key}/lists")
    office.accounts.revoke()
    vendors.constant_contact.tokens.revoke(1)
    vendors.activecampaign.accounts[1].key += 1
    await vendors.linked.delete(LINKED)
    for key in keys.values():
        assert (await office.done("POST", f"/connections/{key}/check"))["ok"] is False
        await office.ask("POST", "/exports", choices(key))
    await office.come_back(state=await office.state(keys["mailchimp"]), code="planted-bad-code")
    for path in (
        "/connections",
        "/exports",
        f"/runs/{run['id']}",
        "/runs",
        "/audit",
        "/destinations",
    ):
        await office.done("GET", path)
    await office.http.get("/api/openapi.json")
    await office.done("DELETE", f"/connections/{keys['constant_contact']}")
    await office.done("DELETE", f"/connections/{keys['activecampaign']}")
    await office.done("GET", "/audit")


@pytest.fixture
async def planted(office: Office) -> Planted:
    vault, vendors = WatchedSecrets(), Vendors(office)
    await vendors.linked.set(LINKED, "planted-linked-key")
    vendors.postbox.key = "planted-linked-key"
    storage = replace(office.services.storage, secrets=vault)
    office.services = replace(office.services, storage=storage)
    made = Planted(office, vendors, vault)
    office.http.event_hooks["response"].append(made.note)
    return made


async def test_no_secret_shows_up_anywhere_but_in_the_vault(
    planted: Planted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await used(planted, await connected(planted))

    secrets = planted.secrets()
    refreshed = [values for values in planted.vault.stored.values() if len(values) > 1]
    assert refreshed
    assert len(secrets) > 12
    assert planted.passing & secrets
    storage: Any = planted.office.services.storage
    kept = {each.name: str(getattr(storage, each.name)) for each in fields(Storage)}
    for vault in ("secrets", "linked_secrets"):
        del kept[vault]
    # The test's own client logs addresses; the product's loggers are what is looked at.
    lines = [r.getMessage() for r in caplog.records if r.name.startswith(("shared", "functions"))]
    assert lines
    said = {"a log": "\n".join(lines), "an answer": "\n".join(planted.answers), **kept}
    assert '"action":"connection.sign_in_finished"' in said["audit"]
    said["the vault"] = str(planted.vault.stored)  # shows that the search finds what is there
    found = {where for where, text in said.items() for each in secrets if each in text}
    assert found == {"the vault"}


async def test_no_name_of_a_secret_is_in_the_trail_or_in_an_answer(planted: Planted) -> None:
    await used(planted, await connected(planted))
    names = {*planted.vault.stored, LINKED}
    texts = [str(planted.office.services.storage.audit), *planted.answers]
    assert {name for name in names for text in texts if name in text} == set()
