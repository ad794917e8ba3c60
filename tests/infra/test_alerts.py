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
AZURES = re.compile(r"^\s*(AppRequests|_LogOperation)\b")  # what is not the app's own report
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
    ours = {name: query for name, query in queries.items() if not AZURES.search(query)}
    assert len(ours) > 14
    assert len(queries) - len(ours) == 2
    wrong = {name: unknown(query) for name, query in ours.items()}
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


@pytest.mark.parametrize(
    ("name", "by"),
    [
        ("run-failed", "run_id"),
        ("sign-in-needed", "connection_id"),
        ("message-given-up", "run_id"),
        ("setting-unusable", "setting"),
    ],
)
def test_an_event_is_told_of_once_however_late_it_comes_in(
    full: Evaluated, name: str, by: str
) -> None:
    """One alert for each id, open while the window has it; the window is as long as six looks."""
    rule = full.one(RULES, name)["properties"]
    [criterion] = rule["criteria"]["allOf"]
    assert criterion["dimensions"] == [{"name": by, "operator": "Include", "values": ["*"]}]
    assert f"{by} = tostring(Properties.{by})" in criterion["query"]
    assert "ago(" not in criterion["query"]
    assert rule["autoMitigate"] is True
    assert (rule["evaluationFrequency"], rule["windowSize"]) == ("PT5M", "PT30M")


def test_a_message_that_is_stuck_is_seen_and_one_that_is_worked_on_is_not(full: Evaluated) -> None:
    rule = full.one(RULES, "message-stuck")["properties"]
    [criterion] = rule["criteria"]["allOf"]
    assert criterion["dimensions"][0]["name"] == "queue"
    assert "min(Sum / ItemCount) by queue" in criterion["query"]  # at every count
    assert rule["windowSize"] == "PT30M"  # three of them


def test_a_limit_of_telemetry_has_an_alert(full: Evaluated, minimal: Evaluated) -> None:
    capped = full.one("Microsoft.OperationalInsights/workspaces")["properties"]["workspaceCapping"]
    assert capped == {"dailyQuotaGb": 5}
    assert full.one(RULES, "telemetry-capped")
    free = minimal.one("Microsoft.OperationalInsights/workspaces")["properties"]["workspaceCapping"]
    assert free == {"dailyQuotaGb": -1}
    assert not [each for each in minimal.of(RULES) if each["name"].startswith("telemetry-capped")]


def test_the_app_is_asked_whether_it_is_alive_from_five_places(
    minimal: Evaluated, evaluated: dict[str, Evaluated]
) -> None:
    [asked] = minimal.of("Microsoft.Insights/webtests")
    assert len(asked["properties"]["Locations"]) == 5
    assert asked["properties"]["Request"]["RequestUrl"].endswith(".azurewebsites.net/api/health")
    criteria = minimal.one(METRIC_ALERTS, "unreachable")["properties"]["criteria"]
    assert criteria["failedLocationCount"] == 3
    assert criteria["webTestId"] == asked["id"]
    assert not evaluated["trial"].of("Microsoft.Insights/webtests")


def test_events_that_are_given_up_dropped_or_fail_often_are_seen(minimal: Evaluated) -> None:
    criteria = [each["properties"]["criteria"] for each in minimal.of(METRIC_ALERTS)]
    asked = [each["allOf"][0] for each in criteria if "allOf" in each]
    seen = {criterion["metricName"]: criterion["threshold"] for criterion in asked}
    assert seen == {"DeadLetteredCount": 0, "DroppedEventCount": 0, "DeliveryAttemptFailCount": 50}


def test_every_alert_reaches_somebody(full: Evaluated) -> None:
    [people] = full.of("Microsoft.Insights/actionGroups")
    for alert in [*full.of(RULES), *full.of(METRIC_ALERTS)]:
        assert people["name"] in json.dumps(alert["properties"]["actions"]), alert["name"]
