"""Alerts and the workbook ask what the tables can answer, of what the app reports by docs/operations.md."""

import json
import re

import pytest

from local.kusto import faults
from tests.docs.pages import ROOT, blocks, rows, section
from tests.infra.bicep import INFRA
from tests.infra.evaluated import Evaluated

PAGE = (ROOT / "docs/operations.md").read_text()
WORKBOOK = json.loads((INFRA / "workbook.json").read_text())
RULES = "Microsoft.Insights/scheduledQueryRules"
METRIC_ALERTS = "Microsoft.Insights/metricAlerts"
CODE = re.compile(r"`([^`]+)`")


def reported(heading: str) -> dict[str, set[str]]:
    """The attributes of each metric or event that a table of the page names."""
    table = rows(section(PAGE, heading))
    return {CODE.findall(row[0])[0]: set(CODE.findall(row[1])) for row in table}


METRICS = reported("### Metrics")
EVENTS = reported("### Events")


@pytest.fixture(scope="module")
def queries(full: Evaluated) -> dict[str, str]:
    """Every query of an alert, of the workbook and of the guide, by a name."""
    rules = {each["name"]: each["properties"] for each in full.of(RULES)}
    shown = {each["name"]: each["content"] for each in WORKBOOK["items"] if each["type"] == 3}
    return {
        **{name: of["criteria"]["allOf"][0]["query"] for name, of in rules.items()},
        **{name: of["query"] for name, of in shown.items()},
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


def test_every_query_reads_what_the_app_reports(queries: dict[str, str]) -> None:
    assert len(queries) > 14
    wrong = {name: unknown(query) for name, query in queries.items()}
    assert {name: names for name, names in wrong.items() if names} == {}


def test_microsofts_parser_finds_no_fault_in_a_query(queries: dict[str, str]) -> None:
    asked = [text for text in blocks(PAGE, "text") if "AppDependencies" in text]
    assert asked
    assert faults(queries | {"the guide's": asked[0]}) == []


@pytest.mark.parametrize(
    "query",
    [
        "AppMetrics | where Nme == 'x'",
        "AppMetric | take 1",
        "AppMetrics | summarize requests = count() by kind = Name",
        "AppTraces | where tostring(Properties.event) = 'run_ended'",
        "AppTraces | where SeverityLevel >= 'three' | sumarize count()",
    ],
)
def test_a_fault_in_a_query_is_found(query: str) -> None:
    found = faults({"mine": query, "sound": "AppTraces | take 1"})
    assert found
    assert all(fault.startswith("mine: KS") for fault in found)


def test_azure_checks_every_query_of_an_alert_as_well(full: Evaluated) -> None:
    skipped = [
        each["name"] for each in full.of(RULES) if each["properties"].get("skipQueryValidation")
    ]
    assert skipped == []


def test_everything_that_the_app_reports_is_looked_at(queries: dict[str, str]) -> None:
    text = "".join(queries.values())
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


def test_each_alert_has_its_steps_in_the_operations_guide(full: Evaluated) -> None:
    headings = set(re.findall(r"^### (.+)$", section(PAGE, "## Alerts"), re.MULTILINE))
    texts = [
        each["properties"]["description"]
        for kind in (RULES, METRIC_ALERTS)
        for each in full.of(kind)
    ]
    assert {
        heading for text in texts for heading in re.findall(r'heading "([^"]+)"', text)
    } == headings
    assert len(texts) == len(headings)


def test_every_alert_reaches_somebody(full: Evaluated) -> None:
    [people] = full.of("Microsoft.Insights/actionGroups")
    for alert in [*full.of(RULES), *full.of(METRIC_ALERTS)]:
        assert people["name"] in json.dumps(alert["properties"]["actions"]), alert["name"]
