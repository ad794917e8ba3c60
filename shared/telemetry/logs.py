"""Log lines: the app's own and its events, and of the libraries only what is no address, name or secret."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_log = logging.getLogger(__name__)

# At INFO these log every request with its URL, and so the names of blobs and secrets.
_TALKATIVE = ("azure.core", "azure.identity", "azure.monitor", "httpx", "httpcore")

_run: ContextVar[str] = ContextVar("run", default="")


def configure() -> None:
    """Set levels, and have every line written while working on a run carry its id as `run_id`.

    The handlers belong to the Functions worker.
    """
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("shared").setLevel(logging.INFO)  # events must not depend on the host's level
    logging.setLogRecordFactory(_record)


@contextmanager
def about_run(run_id: str) -> Iterator[None]:
    """Mark what is logged within as being about a run."""
    before = _run.set(run_id)
    try:
        yield
    finally:
        _run.reset(before)


def event(name: str, **properties: str) -> None:
    """Log an event that alerts may wait for; docs/operations.md lists them all.

    An event of a run is logged within `about_run`.
    """
    told = "".join(f" {key}={value}" for key, value in properties.items())
    _log.info("%s%s", name, told, extra={"event": name, **properties})


def unusable(setting: str, why: str) -> None:
    """Warn of a setting that the app goes on without; the event `setting_unusable` for alerts."""
    _log.warning("%s: %s", setting, why, extra={"event": "setting_unusable", "setting": setting})


def one_line(words: object) -> str:
    """Return somebody else's words as part of a log line, in which they can begin no line of their own."""
    return "".join(each if each.isprintable() else " " for each in str(words))


def what_failed(error: Exception) -> str:
    """Return the type of an error and where it happened.

    What the exception says may quote what it choked on, so it is left out.
    """
    return f"{type(error).__qualname__} at\n{''.join(traceback.format_tb(error.__traceback__))}"


def _record(*args: Any, **kwargs: Any) -> logging.LogRecord:
    record = logging.LogRecord(*args, **kwargs)
    if run_id := _run.get():
        record.run_id = run_id
    return record
