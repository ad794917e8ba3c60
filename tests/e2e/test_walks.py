"""The walk of each reference document, step by step and with every wrong turn, in its own language."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from local.processes import Process
from shared.settings import Settings
from tests.e2e.documents import DOCUMENTS
from tests.e2e.polling import until
from tests.e2e.sides import SIDES
from tests.e2e.system import System, counts, successes, tick
from tests.e2e.told import told
from tests.e2e.walkthrough import MOST, Walkthrough


@pytest.fixture(scope="module")
def walks(system: System) -> Iterator[dict[str, Walkthrough]]:
    """All documents' walks, taken side by side because each has to wait for the same refresh."""
    host = system.start_host(MAX_PROFILES=str(MOST))
    sides = {side.name: side for side in SIDES}
    all_walks = [
        Walkthrough(system, each, sides[each.destination](system.stack)) for each in DOCUMENTS
    ]
    try:
        for walk in all_walks:
            walk.side.be_quick()
            walk.set_up_connection()
        for walk in all_walks:
            walk.share()
            walk.configure_export()
        run(host, all_walks)
        for walk in all_walks:
            walk.exceed()
            walk.remove()
        refresh(host, all_walks)
        all_walks[0].administrator.call("PUT", "/refresh-schedule", {"times": []})
        yield {walk.document.id: walk for walk in all_walks}
    finally:
        for walk in all_walks:
            walk.side.close()


def run(host: Process, walks: list[Walkthrough]) -> None:
    """Let every export run with the scheduled refresh, then on demand."""
    refresh(host, walks)
    for walk in walks:
        walk.follow_refresh()
    for walk, begun in [(walk, walk.export_on_demand()) for walk in walks]:
        walk.follow_run(begun)


def refresh(host: Process, walks: list[Walkthrough]) -> None:
    """Let a scheduled refresh be due once."""
    due = datetime.now(UTC) + timedelta(seconds=3)
    for walk in walks:
        walk.set_refresh({"times": [f"{due:%H:%M:%S}"], "time_zone": "UTC"})
    until(lambda: datetime.now(UTC) > due, "the instant of the schedule")
    before = successes(host, "refresh")
    tick(host)
    until(lambda: successes(host, "refresh") > before, "the end of the tick")


@pytest.fixture(params=[document.id for document in DOCUMENTS])
def walk(walks: dict[str, Walkthrough], request: pytest.FixtureRequest) -> Walkthrough:
    return walks[request.param]


def test_every_wrong_turn_is_explained_in_the_documents_language(walk: Walkthrough) -> None:
    assert walk.told == told(walk.document)


def test_the_documents_own_terms_are_used(walk: Walkthrough) -> None:
    words = " ".join(word for said in walk.told.values() for word in said).casefold()
    assert [term for term in walk.document.terms if term.casefold() not in words] == []


def test_a_connection_has_what_the_steps_gave_it(walk: Walkthrough) -> None:
    draft, saved = walk.facts["draft"], walk.facts["connection"]
    assert (draft["status"], draft["shared_with"], draft["consent"]) == (
        "draft",
        "administrators",
        None,
    )
    assert saved["status"] == "ready"
    assert saved["display_name"] == walk.document.display_name
    assert saved["consent"]["by"]["name"] == saved["export_user"]["name"] == "Local administrator"


def test_contributors_see_a_connection_once_it_is_shared_and_then_its_name_and_type(
    walk: Walkthrough,
) -> None:
    assert walk.facts["unshared"] == []
    (seen,) = walk.facts["shared"]
    assert seen == {
        "id": walk.facts["draft"]["id"],
        "destination": walk.document.destination,
        "display_name": walk.document.display_name,
    }


def test_an_export_is_as_chosen_and_saving_it_runs_nothing(walk: Walkthrough) -> None:
    export, document = walk.facts["export"], walk.document
    assert (export["name"], export["list_name"]) == (document.export, document.export)
    assert (export["fields"], export["segments"]) == (document.fields, [document.segment])
    assert (export["status"], walk.facts["run by saving"]) == ("not_started", [])
    assert export["schedule"] == {"follows": "system", "own": None}


def test_it_runs_with_the_scheduled_refresh_and_on_demand(walk: Walkthrough) -> None:
    refreshed, asked = walk.facts["run by refresh"], walk.facts["run on demand"]
    assert (refreshed["trigger"], refreshed["status"]) == ("refresh", "successful")
    assert (asked["trigger"], asked["status"]) == ("on_demand", "successful")
    assert counts(refreshed) == {"accepted": len(walk.people)}
    assert counts(asked) == {"unchanged": len(walk.people)}
    assert walk.facts["held"] == walk.people


def test_more_profiles_than_an_export_may_have_are_not_sent(walk: Walkthrough) -> None:
    run = walk.facts["too many profiles"]
    assert (run["status"], run["progress"]["requests"]) == ("failed_permanent", 0)
    assert walk.subscribed() == walk.people
    assert Settings.model_fields["max_profiles"].default == 1_000_000  # if it is not set otherwise


def test_once_removed_the_connection_is_used_no_more(walk: Walkthrough) -> None:
    left = walk.facts["left"]
    assert (left["active"], left["connection_id"], left["can"]["run"]) == (False, None, False)
    triggers = [walk.contributor.run(run)["trigger"] for run in walk.runs]
    assert triggers == ["arrival", "on_demand", "refresh"]  # and none by the refresh after that
