"""After all other tests of this folder: nothing secret or personal was left where it must not be.

Addresses belong into segment files, parts, rejects and the destination, and nowhere else.
"""

from collections.abc import Iterator

import pytest

from tests.e2e.system import System, counts, planned, run_now
from tests.e2e.traces import Traces, table_entities

ROWS = 1_000


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
    spent = system.stack.urls["api"] + "/api/v1/oauth/callback?code=spent-code&state=spent-state"
    assert caller.browse(spent) == 400
    traces.take_in(system.stack.state)
    return system


def test_no_log_line_holds_a_secret_or_an_address(used: System, traces: Traces) -> None:
    lines = list(traces.log_lines())
    assert any("slices succeeded" in line for _, line in lines)
    assert traces.leaks(lines) == []


def test_no_table_entity_holds_a_secret_or_an_address(used: System, traces: Traces) -> None:
    entities = list(table_entities(used.stack.settings["DataStorage"]))
    tables = {where.partition("/")[0] for where, _ in entities}
    assert tables >= {"connections", "exports", "runs"}
    assert traces.leaks(entities) == []


def test_no_problem_holds_a_secret_or_an_address(used: System, traces: Traces) -> None:
    assert len(traces.problems) >= 2
    assert traces.leaks(("problem", problem) for problem in traces.problems) == []


def test_the_search_knows_what_was_planted_and_finds_each_of_it(
    used: System, traces: Traces
) -> None:
    client_secret = used.stack.settings["MAILCHIMP_CLIENT_SECRET"]
    assert traces.secrets >= {"spent-code", "spent-state", client_secret}
    assert any(secret.startswith("eyJ") for secret in traces.secrets)  # bearer tokens
    assert any("access_token" in secret for secret in traces.secrets)  # as the vault keeps them
    assert traces.leaks([("clean", "A line that gives nothing away, about profile 7.")]) == []
    for sample in samples(traces):
        assert traces.leaks([("planted", f"... {sample} ...")]) != []


def samples(traces: Traces) -> Iterator[str]:
    """Yield every planted secret, and an address in each way that it might be written."""
    yield from traces.secrets
    yield from ("profile7@example.com", "PROFILE7@Example.com", "profile7%40fake.example")
    yield from ("profile7.example.com", "owner1@example.com")
