"""The functions host's memory does not grow with the rows of a file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack import Stack
from tests.e2e.system import System, clean_environ, counts, planned, run_now
from tests.e2e.traces import Traces

FEW, MANY = 100_000, 1_000_000
MOST_MIB = 300
MORE = 1.2


@pytest.fixture(scope="module")
def quick_system(tmp_path_factory: pytest.TempPathFactory, traces: Traces) -> Iterator[System]:
    """A system whose sandbox costs less time than a real vendor's answers would.

    The demo shows the same figures with answers of full size.
    """
    folder = tmp_path_factory.mktemp("memory")
    options = ["--lean-answers", "--latency", "0.02"]
    with Stack(
        folder, environ=clean_environ(), in_memory=True, sandboxes={"mailchimp": options}
    ) as stack:
        system = System(stack, traces)
        try:
            yield system
        finally:
            system.close()


def peak_mib(system: System, rows: int) -> float:
    """Return the most memory that a new host held while it sent a file of so many rows."""
    host = system.start_host()
    try:
        caller = system.caller()
        segment = f"Rows{rows}"
        system.drop(segment, rows)
        audience = system.sandbox.new_audience(segment)
        run = caller.finished_run(
            run_now(caller, system.export(caller, audience, segment)), seconds=400
        )
        assert run["status"] == "successful", run["timeline"]
        assert counts(run) == planned(rows)
        status = Path(f"/proc/{host.pid}/status").read_text().splitlines()
        peak = next(line.split()[1] for line in status if line.startswith("VmHWM:"))
        return int(peak) / 1024
    finally:
        host.kill()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak")
def test_a_million_rows_take_no_more_memory_than_a_hundred_thousand(quick_system: System) -> None:
    few = peak_mib(quick_system, FEW)
    many = peak_mib(quick_system, MANY)
    assert many < MOST_MIB
    assert many < few * MORE, f"{few:.0f} MiB for {FEW:,} rows, {many:.0f} MiB for {MANY:,}"


def test_its_logs_hold_no_secret_and_no_address(quick_system: System, traces: Traces) -> None:
    assert traces.left_by(quick_system.stack.state) == []
