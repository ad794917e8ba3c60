"""What is reported to whoever watches the product, by name, without what names a run or a person."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from shared.domain.errors import DestinationError
from shared.telemetry.spans import call
from tests.telemetry.recorder import Recorder

_OF_CODE = "code."  # where in the code a line was logged
_WORDS = (
    "destination",
    "outcome",
    "verdict",
    "error.type",
    "queue",
    "status",
    "http.request.method",
)
"""The attributes whose values are words of the product: people ask for them by what they say."""


def reported(recorder: Recorder) -> list[str]:
    """Return what was recorded, as a line for each name."""
    spans = [(each.name, each.attributes or {}) for each in recorder.spans.ended]
    events = [each for _, each in recorder.lines() if "event" in each]
    kinds: dict[str, list[tuple[str, Mapping[str, Any]]]] = {
        "span": spans,
        "metric": [(name, of) for name, each in recorder.points().items() for of, _ in each],
        "event": [(str(each["event"]), each) for each in events],
    }
    return [
        json.dumps({kind: name, "attributes": attributes})
        for kind, told in kinds.items()
        for name, attributes in sorted(_joined(told).items())
    ]


def _joined(told: list[tuple[str, Mapping[str, Any]]]) -> Mapping[str, Mapping[str, list[str]]]:
    found: dict[str, dict[str, set[str]]] = defaultdict(dict)
    for name, attributes in told:
        for attribute, value in attributes.items():
            if not attribute.startswith(_OF_CODE):
                words = found[name].setdefault(attribute, set())
                words.update([str(value)] if attribute in _WORDS else [])
    return {
        name: {attribute: sorted(words) for attribute, words in sorted(of.items())}
        for name, of in found.items()
    }


def verdicts(recorder: Recorder) -> list[str]:
    """Return what a call is said to have come to, for every error that can stop one."""
    with recorder.recording():
        for error in _kinds(DestinationError):
            _fail(error)
        told = [each.attributes or {} for each in recorder.spans.ended]
    return sorted(f"{each['verdict']!s} ({each['error.type']!s})" for each in told)


def _kinds(kind: type[Exception]) -> Iterator[type[Exception]]:
    for each in kind.__subclasses__():
        yield each
        yield from _kinds(each)


def _fail(error: type[Exception]) -> None:
    try:
        with call("acme", "GET", httpx.URL("https://acme.test/")):
            raise error.__new__(error)
    except error:
        return
