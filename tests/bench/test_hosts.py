"""The benchmark of several functions hosts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.stack import Stack
from tests.bench.hosts import CORES, Used, compared, measure_on, took
from tests.bench.test_bench import check, options

START = datetime(2026, 1, 1, tzinfo=UTC)


def run(began: float, finished: float) -> dict[str, Any]:
    """Return a run that was made at the start, as the API tells it; times in seconds after that."""

    def at(seconds: float) -> str:
        return (START + timedelta(seconds=seconds)).isoformat()

    timeline = [
        {"at": at(0), "text": "Asked for on demand."},
        {"at": at(began), "text": "Reading the segment files."},
    ]
    return {"created_at": at(0), "finished_at": at(finished), "timeline": timeline}


def used(host: float = 1, azurite: float = 1, busy: float = 4, idle: float = 16) -> Used:
    processes = {"host-1": host, "host-2": 1.0, "azurite": azurite, "mailchimp": 0.5, "vault": 0.0}
    return Used(processes, busy=busy, idle=idle)


def test_runs_that_follow_on_each_other_are_not_at_once() -> None:
    found = took(2, [run(1, 3), run(1.5, 4), run(3, 6)], used())
    assert (found.elapsed_seconds, found.run_seconds, found.runs_at_once) == (6, 2.5, 2)


def test_seconds_of_the_processor_are_told_by_what_used_them() -> None:
    found = took(2, [run(1, 3)], used())
    assert (found.hosts_cpu_seconds, found.azurite_cpu_seconds) == (2, 1)
    assert found.sandbox_cpu_seconds == 0.5
    assert found.machine_busy_share == pytest.approx(4 / 20)
    assert found.others_busy_share == pytest.approx(0.5 / 20)


def test_latency_binds_unless_a_process_or_the_machine_is_busy() -> None:
    whole = 10 * CORES  # seconds of all cores in ten seconds
    for given, binds in (
        (used(busy=4, idle=whole - 4), "latency"),
        (used(azurite=8.5, busy=9, idle=whole * 2 - 9), "latency"),
        (used(azurite=8.5, busy=0.79 * whole, idle=0.21 * whole), "one process"),
        (used(busy=0.81 * whole, idle=0.19 * whole), "cores"),
    ):
        assert took(2, [run(1, 3)], given).binds == binds


@pytest.mark.stack
def test_hosts_are_added_and_run_every_export_however_the_runs_are_begun(tmp_path: Path) -> None:
    words = ["--accounts", "2", "--profiles", "600", "--latency", "0.2", "--times", "1", "--hosts"]
    with Stack(tmp_path, in_memory=True) as stack:
        [one] = measure_on(stack, options("hosts", *words, "1"))
        [two] = measure_on(stack, options("hosts", *words, "2", "--one-by-one"))
    assert (one.hosts, two.hosts) == (1, 2)
    for each in (one, two):
        assert each.elapsed_seconds > each.run_seconds > 3 * 0.2  # calls, one after the other
        assert each.hosts_cpu_seconds > 0


def test_each_number_of_hosts_is_compared_with_the_first() -> None:
    found = [replace(took(1, [run(1, 6)], used()), hosts=hosts) for hosts in (1, 2)]
    results = compared([found[0], replace(found[1], elapsed_seconds=4)])
    check(results)
    assert [row["hosts"] for row in results.reference] == [1]
    assert [(row["hosts"], row["times_as_fast"]) for row in results.rows] == [(2, 1.5)]
