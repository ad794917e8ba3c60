"""Generates a segment file whose every row has a planned outcome."""

import io
from collections.abc import Iterator
from itertools import cycle
from typing import Literal, NamedTuple

HEADER = "ProfileId,EMail,FirstName,LastName,City\r\n"
_ROWS_PER_PIECE = 10_000

_FIRST_NAMES = ("Ann", "Éva", "Łukasz", "Jürgen", "李", "Siân", "Zoë", "Bob", "María José")
_LAST_NAMES = ("O'Brien", "Kovács", "Wójcik", "Müller", "Wei", '"Ace" Lee', "Smith, Jr", "Ng")


type TurnedAway = Literal["refused", "suppressed"]
"""What becomes of those rows that a sandbox does not take.

Only Mailchimp's refuses an address for what it is without refusing others along with it.
"""


class Plan(NamedTuple):
    """What should become of a generated file's rows."""

    accepted: int
    duplicate: int
    invalid: int
    refused: int = 0
    suppressed: int = 0


def plan(rows: int, turned_away: TurnedAway = "refused") -> Plan:
    """Return the planned outcomes of `rows` rows: 1% invalid, 1% duplicates, 0.5% turned away."""
    invalid = rows // 100
    duplicate = rows // 100 if rows > 100 else 0
    away = rows // 200
    accepted = rows - invalid - duplicate - away
    return Plan(accepted, duplicate, invalid)._replace(**{turned_away: away})


def segment_file(rows: int, turned_away: TurnedAway = "refused") -> Iterator[bytes]:
    """Yield a CSV file of `rows` profiles, in pieces, always the same for the same arguments."""
    planned = plan(rows, turned_away)._asdict()
    special: dict[int, str] = {}
    for offset, kind in enumerate(("invalid", "duplicate", turned_away)):
        number = planned[kind]
        step = rows // number if number else 0
        special.update(dict.fromkeys((n * step + step // 2 + offset for n in range(number)), kind))
    piece = io.StringIO()
    piece.write("\ufeff" + HEADER)
    firsts, lasts = cycle(_FIRST_NAMES), cycle(_LAST_NAMES)
    for number in range(rows):
        address = _address(number, special.get(number, "accepted"))
        last = next(lasts).replace('"', '""')
        piece.write(f'{number},{address},{next(firsts)},"{last}",City {number % 97}\r\n')
        if number % _ROWS_PER_PIECE == _ROWS_PER_PIECE - 1:
            yield piece.getvalue().encode()
            piece = io.StringIO()
    yield piece.getvalue().encode()


def names(number: int) -> dict[str, str]:
    """Return the merge fields that row `number` (from 0) should have at Mailchimp."""
    return {
        "FNAME": _FIRST_NAMES[number % len(_FIRST_NAMES)],
        "LNAME": _LAST_NAMES[number % len(_LAST_NAMES)],
    }


def _address(number: int, kind: str) -> str:
    if kind == "invalid":
        return f"profile{number}.example.com"
    if kind == "duplicate":
        return "Profile0@Example.com"
    if kind == "refused":  # Mailchimp's sandbox refuses this domain as "looks fake or invalid"
        return f"profile{number}@fake.example"
    if kind == "suppressed":  # every sandbox takes it for somebody who has unsubscribed
        return f"unsubscribed+profile{number}@example.com"
    return f"profile{number}@example.com"
