"""What a benchmark found, as JSON: the machine, the options, and figures whose units stand in their names."""

import argparse
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

type Row = Mapping[str, Any]


@dataclass(frozen=True)
class Results:
    """What was measured, and what it is compared with, which was measured in the same run."""

    rows: Sequence[Row]
    reference: Sequence[Row]


def write(file: Path, bench: str, options: argparse.Namespace, results: Results) -> None:
    """Write the results of a benchmark that ran with these options."""
    given = {name: value for name, value in vars(options).items() if name not in ("bench", "json")}
    document = {
        "bench": bench,
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "options": given,
        "reference": [_rounded(row) for row in results.reference],
        "rows": [_rounded(row) for row in results.rows],
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=2) + "\n")


def machine() -> Row:
    """Return what the figures depend on."""
    return {"cpu": _cpu(), "cores": os.cpu_count(), "python": platform.python_version()}


def _cpu() -> str:
    """Return the model of the processor, which Python itself tells on some systems only."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())


def _rounded(row: Row) -> Row:
    """Return a row without digits that say nothing."""
    return {
        name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()
    }
