"""The main job: a file landed, and every row of it has the outcome that it should have."""

import csv
import io
from collections import Counter

from tests.e2e.system import System, acceptable, counts, planned

ROWS = 10_000


def test_every_row_of_a_landed_file_is_accounted_for_and_every_name_arrives_intact(
    system: System,
) -> None:
    system.start_host()
    caller = system.caller()
    audience = system.sandbox.new_audience("Outcomes")
    system.drop("Outcomes", 10)
    export = system.export(caller, audience, "Outcomes", on_arrival=True)

    system.drop("Outcomes", ROWS)
    run = caller.finished_run(caller.newest_run(export, "arrival"))

    assert run["status"] == "successful"
    assert run["progress"]["rows_read"] == ROWS == sum(counts(run).values())
    assert counts(run) == planned(ROWS)
    members = {each["email"]: each["merge_fields"] for each in system.sandbox.members(audience)}
    assert members == acceptable(ROWS)
    assert {"Éva", "Łukasz", "李", "O'Brien"} <= {
        name for fields in members.values() for name in fields.values()
    }
    rejects = csv.DictReader(io.StringIO(caller.rejects(run["id"])))
    outcomes = Counter(reject["outcome"] for reject in rejects)
    assert outcomes == {kind: n for kind, n in planned(ROWS).items() if kind != "accepted"}
