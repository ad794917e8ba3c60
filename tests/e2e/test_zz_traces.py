"""After all other tests of this folder: nothing secret or personal was left where it must not be.

Addresses belong into segment files, parts, rejects and the destination, and nowhere else.
"""

from collections.abc import Iterator

import httpx
import pytest

from local.sandbox.activecampaign.state import Account as KeyAccount
from local.vendors import VENDORS
from shared.domain.connection import TERMS_VERSION
from tests.e2e.caller import Caller
from tests.e2e.system import System, counts, planned, run_now
from tests.e2e.traces import Traces, blob_texts, table_entities

ROWS = 1_000
WRONG = "planted-wrong-key-0123456789"


@pytest.fixture(scope="module")
def used(system: System, traces: Traces) -> System:
    """A system in which every planted value was used, also when this module runs alone."""
    system.start_host()
    caller = system.caller()
    system.drop("Traces", ROWS)
    audience = system.sandbox.new_audience("Traces")
    run = caller.finished_run(run_now(caller, system.export(caller, audience, "Traces")))
    assert counts(run) == planned(ROWS)
    assert "@fake.example" in caller.rejects(run["id"])
    assert caller.status_of("GET", "/runs/none") == 404
    for vendor in VENDORS.values():
        vendor.connect(caller, vendor)
    refuse_a_key(caller, traces)
    spent = system.stack.urls["api"] + "/api/v1/oauth/callback?code=spent-code&state=spent-state"
    assert caller.browse(spent) == 400
    traces.take_in(system.stack.state)
    return system


def refuse_a_key(caller: Caller, traces: Traces) -> None:
    """Give a key that opens nothing, and the names of secrets that hold none."""
    new = {"destination": "activecampaign", "display_name": "Refused"}
    at = f"/connections/{caller.call('POST', '/connections', new)['id']}"
    agreed = {"accepted": True, "terms_version": TERMS_VERSION}
    caller.call("POST", f"{at}/consent", agreed)
    traces.secrets.add(WRONG)
    host = KeyAccount(1).host
    assert caller.status_of("POST", f"{at}/connect", {"host": host, "api_key": WRONG}) == 422
    missing = {"host": host, "secret_name": "there-is-none"}
    assert caller.status_of("POST", f"{at}/connect", missing) == 422


def test_no_log_line_holds_a_secret_or_an_address(used: System, traces: Traces) -> None:
    lines = list(traces.log_lines())
    assert any("slices succeeded" in line for _, line in lines)
    assert traces.leaks(lines) == []


def test_no_table_entity_holds_a_secret_or_an_address(used: System, traces: Traces) -> None:
    entities = list(table_entities(used.stack.settings["DataStorage"]))
    tables = {where.partition("/")[0] for where, _ in entities}
    assert tables >= {"connections", "exports", "runs", "audit"}
    assert traces.leaks(entities) == []


def test_the_trail_names_no_secret(used: System) -> None:
    names = {file.stem for file in (used.stack.state / "vault" / "secrets").glob("*.json")}
    assert any(name.startswith("connection-") for name in names)
    entities = table_entities(used.stack.settings["DataStorage"])
    told = [text for where, text in entities if where.startswith("audit/")]
    assert any("connection.key_connected" in text for text in told)
    assert [name for name in names for text in told if name in text] == []


def test_no_blob_holds_a_secret(used: System, traces: Traces) -> None:
    blobs = list(blob_texts(used.stack.settings["DataStorage"]))
    assert any("/rejects/" in where or "/checkpoint" in where for where, _ in blobs)
    assert [where for where, text in blobs for each in traces.secrets if each in text] == []


def test_what_the_api_tells_holds_no_secret(used: System, traces: Traces) -> None:
    api = used.stack.urls["api"]
    headers = {"Authorization": f"Bearer {used.stack.token('administrator')}"}
    texts = []
    for path in ("v1/audit?limit=100", "v1/connections", "v1/exports", "v1/runs", "openapi.json"):
        answer = httpx.get(f"{api}/api/{path}", headers=headers).raise_for_status()
        texts.append((path, answer.text))
    assert "connection.sign_in_finished" in texts[0][1]
    assert [where for where, text in texts for each in traces.secrets if each in text] == []


def test_no_problem_holds_a_secret_or_an_address(used: System, traces: Traces) -> None:
    assert len(traces.problems) >= 2
    assert traces.leaks(("problem", problem) for problem in traces.problems) == []


def test_the_search_knows_what_was_planted_and_finds_each_of_it(
    used: System, traces: Traces
) -> None:
    client_secret = used.stack.settings["MAILCHIMP_CLIENT_SECRET"]
    assert traces.secrets >= {"spent-code", "spent-state", client_secret, WRONG}
    assert traces.secrets >= {KeyAccount(1).api_key}
    assert any("refresh_token" in secret for secret in traces.secrets)
    assert any(secret.startswith("eyJ") for secret in traces.secrets)  # bearer tokens
    assert any("access_token" in secret for secret in traces.secrets)  # as the vault keeps them
    assert traces.leaks([("clean", "A line that gives nothing away, about profile 7.")]) == []
    for sample in samples(traces):
        assert traces.leaks([("planted", f"... {sample} ...")]) != []


def samples(traces: Traces) -> Iterator[str]:
    """Yield every planted secret, and an address in each way that it might be written."""
    yield from traces.secrets
    yield from ("profile7@example.com", "PROFILE7@Example.com", "profile7%40fake.example")
    yield from ("profile7.example.com", "owner1@example.com", "reader0.sv@example.com")
