"""Alerts and the workbook read what the app reports, by the names that docs/operations.md gives."""

import json
import re
from typing import Any

import pytest

from tests.docs.pages import ROOT, rows, section
from tests.infra.templates import INFRA, every

PAGE = (ROOT / "docs/operations.md").read_text()
ALERTS = every()["alerts.bicep"]
RULES: list[dict[str, Any]] = ALERTS.tree["variables"]["rules"]["value"]
WORKBOOK = json.loads((INFRA / "workbook.json").read_text())
CODE = re.compile(r"`([^`]+)`")


def reported(heading: str) -> dict[str, set[str]]:
    """The attributes of each metric or event that a table of the page names."""
    table = rows(section(PAGE, heading))
    return {CODE.findall(row[0])[0]: set(CODE.findall(row[1])) for row in table}


METRICS = reported("### Metrics")
EVENTS = reported("### Events")
QUERIES = {rule["name"]: rule["query"] for rule in RULES} | {
    item["name"]: item["content"]["query"] for item in WORKBOOK["items"] if item["type"] == 3
}


def unknown(query: str) -> list[str]:
    """Return the names in a query that the app does not report, and a query's lack of any."""
    metrics = re.findall(r'Name == "([^"]+)"', query)
    events = re.findall(r'Properties\.event\) == "([^"]+)"', query)
    for listed in re.findall(r"Properties\.event\) in \(([^)]+)\)", query):
        events += re.findall(r'"([^"]+)"', listed)
    known = METRICS | EVENTS
    attributes = set().union({"event"}, *(known.get(name, set()) for name in metrics + events))
    wrong = [name for name in metrics if name not in METRICS]
    wrong += [name for name in events if name not in EVENTS]
    wrong += [name for name in re.findall(r"Properties\.(\w+)", query) if name not in attributes]
    return wrong if metrics or events else ["nothing"]


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_reads_what_the_app_reports(name: str) -> None:
    assert unknown(QUERIES[name]) == []


def test_everything_that_the_app_reports_is_looked_at() -> None:
    text = "".join(QUERIES.values())
    assert [name for name in METRICS | EVENTS if f'"{name}"' not in text] == []


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ('AppMetrics | where Name == "segment_exports.lag"', ["segment_exports.lag"]),
        ('AppTraces | where tostring(Properties.event) == "run_lost"', ["run_lost"]),
        (
            'AppTraces | where tostring(Properties.event) == "run_ended"\n| project Properties.email',
            ["email"],
        ),
        ("AppTraces | take 1", ["nothing"]),
    ],
)
def test_a_name_that_the_app_does_not_report_is_found(query: str, wrong: list[str]) -> None:
    assert unknown(query) == wrong


def test_each_alert_has_its_steps_in_the_operations_guide() -> None:
    headings = set(re.findall(r"^### (.+)$", section(PAGE, "## Alerts"), re.MULTILINE))
    titles = {rule["title"] for rule in RULES}
    [undelivered] = re.findall(r'heading "([^"$]+)"', ALERTS.text)
    assert headings == titles | {undelivered}


def test_every_alert_reaches_somebody() -> None:
    for name in ("alerts", "undelivered"):
        assert "people" in json.dumps(ALERTS.resources[name]["properties"]["actions"]), name
