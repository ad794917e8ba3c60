"""Mailchimp in trouble: what is retried, what is parked, and what needs a person."""

import re
from typing import Any

import pytest

from tests.e2e.caller import Caller
from tests.e2e.polling import until
from tests.e2e.system import System, acceptable, counts, planned, run_now

ROWS = 4_000  # eight batches, all in flight at once
MORE_ROWS = 12_000  # three rounds of eight
IN_FLIGHT = 8 * 500  # profiles
SETBACKS = {
    "429": "Mailchimp is limiting requests (429).",
    "403-bodiless": "Mailchimp is limiting requests (a 403 without an explanation).",
    "500": "Mailchimp has a problem of its own (500).",
    "500-html": "Mailchimp has a problem of its own (500).",
    "reset-before": "The connection to Mailchimp broke before an answer came.",
    "reset-after": "The connection to Mailchimp broke before an answer came.",
}


@pytest.fixture(scope="module")
def caller(system: System) -> Caller:
    system.start_host()
    system.drop("Trouble", ROWS)
    return system.caller()


def texts(run: dict[str, Any]) -> str:
    """Return what a run's timeline says, a line an event."""
    return "\n".join(event["text"] for event in run["timeline"])


def assert_complete(system: System, audience: str, run: dict[str, Any]) -> None:
    assert run["status"] == "successful", run["timeline"]
    assert counts(run) == planned(ROWS)
    members = {each["email"] for each in system.sandbox.members(audience)}
    assert members == acceptable(ROWS).keys()


def test_single_failures_are_retried_at_once(system: System, caller: Caller) -> None:
    audience = system.sandbox.new_audience("Retried")
    export = system.export(caller, audience, "Trouble")
    system.sandbox.queue_faults(audience, *SETBACKS)

    run = caller.finished_run(run_now(caller, export))

    assert system.sandbox.fired() == len(SETBACKS)
    assert_complete(system, audience, run)
    assert "Trying again" not in texts(run)
    # What took effect before the connection broke was sent once more, and nothing else was.
    assert 0 < system.sandbox.extra_writes(audience) <= 500
    system.sandbox.clear_faults()


@pytest.mark.parametrize("kind", ["429", "403-bodiless", "500", "reset-before"])
def test_lasting_trouble_parks_the_run_which_then_goes_on_where_it_was(
    system: System, caller: Caller, kind: str
) -> None:
    audience = system.sandbox.new_audience(f"Parked {kind}")
    export = system.export(caller, audience, "Trouble")
    system.sandbox.queue_faults(audience, kind, count=1000)
    run_id = run_now(caller, export)
    until(lambda: caller.run(run_id)["status"] == "failure", "the parking of the run")

    parked = caller.run(run_id)
    assert parked["resumes_at"]
    assert parked["reason"].startswith(SETBACKS[kind])
    assert re.search(re.escape(SETBACKS[kind]) + r" Trying again at [\d:]{8} UTC\.", texts(parked))

    system.sandbox.clear_faults()
    system.records.send_again(run_id)  # the real message comes after half a minute
    run = caller.finished_run(run_id)
    assert_complete(system, audience, run)
    assert system.sandbox.extra_writes(audience) == 0


def test_a_revoked_sign_in_stops_the_run_until_somebody_has_signed_in_again(
    system: System, caller: Caller
) -> None:
    system.drop("Long", MORE_ROWS)
    audience = system.sandbox.new_audience("Revoked", account=2)
    export = system.export(caller, audience, "Long", account=2)
    at = f"/connections/{system.connection(caller, 2)}"
    system.sandbox.set_latency(0.5)  # so that the revocation meets the run on its way
    run_id = run_now(caller, export)
    until(lambda: system.records.run(run_id)[1].batches_done, "the first batches", every=0.01)
    system.sandbox.revoke(2)
    until(lambda: caller.run(run_id)["status"] == "skipped", "the stop of the run")

    said = "Mailchimp no longer accepts the sign-in (401). Sign in again."
    stopped = caller.run(run_id)
    assert 0 < stopped["progress"]["percent"] < 100
    assert stopped["reason"] == f"{said} The run goes on from here once somebody has signed in."
    assert stopped["reason"] in texts(stopped)
    connection = caller.call("GET", at)
    assert (connection["status"], connection["reason"]) == ("needs_sign_in", said)
    meanwhile = caller.run(run_now(caller, export))
    assert meanwhile["status"] == "skipped"
    assert said in meanwhile["reason"]

    caller.sign_in(caller.call("POST", f"{at}/connect", {})["authorize_url"], "owner2@example.com")
    run = caller.finished_run(run_id)

    assert caller.call("GET", at)["status"] == "ready"
    assert "Signed in again; going on." in texts(run)
    assert run["status"] == "successful", run["timeline"]
    assert counts(run) == planned(MORE_ROWS)
    members = {each["email"] for each in system.sandbox.members(audience, account=2)}
    assert members == acceptable(MORE_ROWS).keys()
    assert system.sandbox.extra_writes(audience, account=2) <= IN_FLIGHT
