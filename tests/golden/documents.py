"""The golden files as the code of now would write them."""

import json
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from itertools import islice
from pathlib import Path

from tests.api.office import contract
from tests.golden.names import names, shapes
from tests.golden.randomness import without
from tests.golden.stored import place
from tests.golden.story import told
from tests.golden.telemetry import reported, verdicts
from tests.telemetry.recorder import Recorder

FILES = Path(__file__).parent / "files"
VENDORS = ("mailchimp", "activecampaign", "constant_contact")

type Document = Callable[[Recorder], Awaitable[str]]


async def _openapi(_: Recorder) -> str:
    return _indented(contract().document)


async def _names(_: Recorder) -> str:
    return _indented(await names())


async def _shapes(_: Recorder) -> str:
    return _lines(await shapes())


async def _verdicts(recorder: Recorder) -> str:
    return _lines(verdicts(recorder))


async def _story(vendor: str, recorder: Recorder) -> str:
    """Return what is stored half-way and at the end, what is posted to the webhook, and what is reported."""
    with recorder.recording():
        once = await told(vendor)
        telemetry = reported(recorder)
    with recorder.recording():
        again = await told(vendor)
    parts = (len(once.amid), len(once.parked), len(once.end), len(once.heard))
    texts = iter(without(once.texts, again.texts))
    amid, parked, end, heard = (list(islice(texts, size)) for size in parts)
    return _lines(
        [
            "# while slices are at work",
            *sorted(amid),
            "# when runs are parked: what is new, and what is gone",
            *_changes(amid, parked),
            "# at the end: what is new, and what is gone",
            *_changes(parked, end),
            "# posted to the webhook",
            *heard,
            "# reported",
            *telemetry,
        ]
    )


def _changes(before: list[str], after: list[str]) -> list[str]:
    gone = set(map(place, before)) - set(map(place, after))
    return [*sorted(set(after) - set(before)), *(f"gone: {where}" for where in sorted(gone))]


DOCUMENTS: Mapping[str, Document] = {
    "openapi.json": _openapi,
    "names.json": _names,
    "shapes.txt": _shapes,
    "verdicts.txt": _verdicts,
    **{f"{vendor}.txt": partial(_story, vendor) for vendor in VENDORS},
}
"""The files by name."""


def _indented(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _lines(lines: list[str]) -> str:
    return "\n".join([*lines, ""])
