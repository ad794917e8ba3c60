"""The memory of a process, as Linux tells it."""

import gc
from pathlib import Path


def peak_mib(pid: int | str = "self") -> float:
    """Return the most memory that a process has held from its start, or since `forget_peak`."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM:"))) / 1024


def forget_peak() -> None:
    """Begin to watch anew: making the corpus takes more memory than reading it."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # see proc(5); Linux only
