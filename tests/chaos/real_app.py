"""The product's app with another clock: what a functions host of the chaos loads as function_app.py.

The environment says where the app is (PRODUCT) and in which file stands by how many seconds its clock is
ahead (CLOCK), which may change at any moment. The product reads the time of day from `SystemClock` alone,
which a test holds it to; timers of the host, storage and the vendors keep the machine's time.
"""

import os
import runpy
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared.domain.clock import SystemClock

_CLOCK = Path(os.environ["CLOCK"])


def _now(self: SystemClock) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=float(_CLOCK.read_text()))


# On the class, because modules of the app make clocks of their own.
SystemClock.now = _now  # type: ignore[method-assign] # this process has another time of day

app = runpy.run_path(str(Path(os.environ["PRODUCT"]) / "function_app.py"))["app"]
