"""The plain loops that the engine is compared with: Python's `csv`, orjson, and nothing else.

They make the bodies that the engine sends. They check no address, trim and check no value, find no
duplicate, compare with nothing, store nothing and send nothing.
"""

import csv
import time
from collections.abc import Iterable, Iterator
from itertools import batched
from pathlib import Path
from typing import Any

import orjson

from tests.bench.profiles import COLUMNS, TAGS

_PROFILES = 500  # of a body


def with_names(file: Path) -> float:
    """Return the CPU seconds of the loop that one writes first: `csv.DictReader`, columns by their names."""
    with file.open(encoding="utf-8", newline="") as lines:
        return _measured(
            {
                "email_address": row["Email"],
                "status_if_new": "subscribed",
                "merge_fields": {tag: row[column] for column, tag in TAGS.items()},
            }
            for row in csv.DictReader(lines)
        )


def with_numbers(file: Path) -> float:
    """Return the CPU seconds of the leanest such loop: `csv.reader`, columns by their numbers."""
    with file.open(encoding="utf-8", newline="") as lines:
        return _measured(_members(csv.reader(lines)))


def _members(rows: Iterator[list[str]]) -> Iterator[dict[str, Any]]:
    header = next(rows)
    assert header == list(COLUMNS)
    for _, email, first, last, phone, city, country, product, score in rows:
        yield {
            "email_address": email,
            "status_if_new": "subscribed",
            "merge_fields": {
                "FNAME": first,
                "LNAME": last,
                "PHONE": phone,
                "CITY": city,
                "COUNTRY": country,
                "PRODUCT": product,
                "SCORE": score,
            },
        }


def _measured(members: Iterable[dict[str, Any]]) -> float:
    began, size = time.process_time(), 0
    for batch in batched(members, _PROFILES, strict=False):
        size += len(orjson.dumps({"members": batch, "update_existing": True}))
    assert size
    return time.process_time() - began
