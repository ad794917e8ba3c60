"""Each destination says of each rule of the contract how it stands to it, and of nothing else."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.destinations.contract import ListsJobs, PollsJobs
from tests.contract.destinations.rules import RULES, folder_of, quality
from tests.contract.destinations.sides import SIDES

TESTS = sorted(Path(__file__).parent.glob("test_*.py"))


def rules_of(test: ast.AsyncFunctionDef | ast.FunctionDef) -> list[str]:
    """Return the rules that a test is marked with."""
    return [
        ast.literal_eval(mark.args[0])
        for mark in test.decorator_list
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.rule"
    ]


def contract_tests() -> Iterator[tuple[str, bool, list[str]]]:
    """Return each test of the contract, whether it is run for each destination, and its rules."""
    for file in TESTS:
        for each in ast.parse(file.read_text()).body:
            if (
                isinstance(each, ast.AsyncFunctionDef | ast.FunctionDef)
                and each.name[:5] == "test_"
            ):
                arguments = {argument.arg for argument in each.args.args}
                yield each.name, bool(arguments & {"side", "name"}), rules_of(each)


def test_each_rule_has_a_test_and_each_test_of_all_destinations_has_one_rule() -> None:
    found = list(contract_tests())
    of_all = [(name, rules) for name, is_of_all, rules in found if is_of_all]
    assert len(of_all) > 20
    assert [name for name, rules in of_all if len(rules) != 1 and name not in ABOUT_QUALITY] == []
    assert {rule for _, _, rules in found for rule in rules} == RULES.keys()


@pytest.mark.parametrize("name", SIDES)
def test_a_destination_says_of_each_rule_how_it_stands_to_it(name: str) -> None:
    said = quality(folder_of(SIDES[name]().destination))
    assert sorted(said.rules) == sorted(RULES)
    assert all(said.exempt.values())
    for guess in said.guessed.values():
        assert guess.settled_by
        assert guess.facts
        assert all(fact and treatment for fact, treatment in guess.facts)


@pytest.mark.parametrize("name", SIDES)
def test_only_who_lists_no_jobs_is_exempt_from_looking_for_them(name: str) -> None:
    destination = SIDES[name]().destination
    exempt = "lost-import-found" in quality(folder_of(destination)).exempt
    assert exempt is not isinstance(destination, ListsJobs)
    assert isinstance(destination, PollsJobs) or exempt


ABOUT_QUALITY = {
    test_a_destination_says_of_each_rule_how_it_stands_to_it.__name__,
    test_only_who_lists_no_jobs_is_exempt_from_looking_for_them.__name__,
}
