"""Every destination over the whole system: who should arrive does, as they should, and nobody else."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from local.vendors import VENDORS
from tests.contract.wire import needs_specs, violations_of_log
from tests.e2e.conftest import recording
from tests.e2e.sides import SIDES, Person, Side
from tests.e2e.system import System, counts, run_now

ROWS = 2_000


@dataclass
class Ran:
    """An export that was run twice."""

    side: Side
    first: Mapping[str, Any]
    held: Mapping[str, Person]
    again: Mapping[str, Any]
    held_again: Mapping[str, Person]


def kind(number: int, side: Side) -> str:
    """What row `number` of the file is for."""
    if number % 200 == 7:
        return "invalid"
    if number % 200 == 8:
        return "duplicate"
    if side.refused and number % 500 == 9:
        return "refused"
    return {10: "left", 20: "known"}.get(number % 100, "new")


def address(number: int, side: Side) -> str:
    match kind(number, side):
        case "invalid":
            return f"profile{number}.example.com"
        case "duplicate":
            return "PROFILE0@example.com"
        case "refused":
            return side.refused.format(number)
        case _:
            return f"profile{number}@example.com"


def numbers(side: Side, *kinds: str) -> list[int]:
    return [number for number in range(ROWS) if kind(number, side) in kinds]


def segment_file(side: Side) -> str:
    """A file in which known people have neither a last name nor a city any more."""
    lines = ["EMail,FirstName,LastName,City"]
    for number in range(ROWS):
        rest = "," if kind(number, side) == "known" else f"O'Brien {number},Łódź {number % 9}"
        lines.append(f"{address(number, side)},Zoë {number},{rest}")
    return "\n".join(lines)


def arrived(side: Side) -> dict[str, Person]:
    """Everybody who should be on the list: a city is cleared, a last name is left as it was."""
    found = {}
    for number in numbers(side, "new", "known"):
        new = (f"O'Brien {number}", f"Łódź {number % 9}")
        last_name, city = ("Old", "") if kind(number, side) == "known" else new
        found[address(number, side)] = Person(True, f"Zoë {number}", last_name, city)
    return found


@pytest.fixture(scope="module")
def ran(system: System) -> Iterator[dict[str, Ran]]:
    """The exports to all destinations, run at the same time because each has to wait."""
    system.start_host()
    caller = system.caller()
    sides = [make(system.stack) for make in SIDES]
    exports = {}
    for side in sides:
        drop(system, side)
        connection = side.connect(caller)
        side.seed(*([address(each, side) for each in numbers(side, k)] for k in ("known", "left")))
        columns = {"email": "EMail", "first_name": "FirstName", "last_name": "LastName"}
        exports[side.name] = caller.export(
            f"To {side.name}",
            connection,
            f"To {side.name}",
            list_id=side.list_id,
            fields=columns | {side.city: "City"},
            clear_when_empty=[side.city],
            on_arrival=False,
            schedule={"follows": "off"},
        )

    def round_of_runs() -> dict[str, tuple[Mapping[str, Any], Mapping[str, Person]]]:
        begun = {name: run_now(caller, export) for name, export in exports.items()}
        over = {name: caller.finished_run(run) for name, run in begun.items()}
        return {side.name: (over[side.name], side.held()) for side in sides}

    first, again = round_of_runs(), round_of_runs()
    try:
        yield {side.name: Ran(side, *first[side.name], *again[side.name]) for side in sides}
    finally:
        for side in sides:
            side.close()


def drop(system: System, side: Side) -> None:
    system.put_file(f"To {side.name}/people.csv", segment_file(side).encode())


@pytest.fixture(params=[side.name for side in SIDES])
def one(ran: dict[str, Ran], request: pytest.FixtureRequest) -> Ran:
    return ran[request.param]


def planned(side: Side) -> dict[str, int]:
    plan = {
        "accepted": len(numbers(side, "new", "known")),
        "duplicate": len(numbers(side, "duplicate")),
        "invalid": len(numbers(side, "invalid")),
        "suppressed": len(numbers(side, "left")),
        "refused": len(numbers(side, "refused")),
    }
    return {outcome: number for outcome, number in plan.items() if number}


def test_every_row_has_its_outcome(one: Ran) -> None:
    assert one.first["status"] == "successful", one.first["timeline"]
    assert counts(one.first) == planned(one.side)
    assert sum(counts(one.first).values()) == one.first["progress"]["rows_read"] == ROWS


def test_the_list_holds_what_was_sent_and_nobody_who_left(one: Ran) -> None:
    subscribed = {mail: person for mail, person in one.held.items() if person.subscribed}
    assert subscribed == arrived(one.side)


def test_a_second_run_sends_only_those_again_that_were_not_taken(one: Ran) -> None:
    plan = planned(one.side)
    plan["unchanged"] = plan.pop("accepted")
    assert one.again["status"] == "successful", one.again["timeline"]
    assert counts(one.again) == plan
    assert one.held_again == one.held


def test_no_limit_was_exceeded(one: Ran) -> None:
    assert one.side.exceeded() == {}


def test_the_demo_can_tell_what_a_sandbox_was_asked(system: System, one: Ran) -> None:
    name = one.side.name
    figures = VENDORS[name].statistics(system.stack.urls[name])
    assert figures["profiles_received"] >= planned(one.side)["accepted"]
    assert figures["writes"] >= 1
    assert figures["peak_connections"] >= 1


@needs_specs
def test_what_was_asked_is_valid_against_the_vendors_description(system: System, one: Ran) -> None:
    log = recording(system.stack, one.side.name)
    assert log.read_text()
    assert violations_of_log(one.side.name, log) == []
