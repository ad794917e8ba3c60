"""What the author of a destination has to write: the members of the contract, and nothing else."""

from dataclasses import fields

import pytest

from shared.destinations.contract import Destination, ListsJobs, OAuth2, PollsJobs
from tests.contract.destinations.side import Side
from tests.contract.destinations.sides import SIDES

MOST = 16
"""Members of a destination that people sign in to; a capability asks for its own beside them."""

CAPABILITIES = (PollsJobs, ListsJobs)
OPTIONAL = {"options"}


def public(kind: type) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("_")}


def settings(kind: type[Destination]) -> set[str]:
    """Return what the settings say of a destination: the arguments that it is made with."""
    return {each.name for each in fields(kind) if each.init}  # type: ignore[arg-type] # a dataclass


def of_capabilities(destination: Destination) -> set[str]:
    return {
        name
        for capability in CAPABILITIES
        if isinstance(destination, capability)
        for name in public(capability)
    }


def test_the_contract_asks_for_no_more_members_than_that() -> None:
    assert len(Destination.__abstractmethods__) == MOST


@pytest.mark.rule("members-of-the-contract")
def test_an_author_writes_the_members_of_the_contract_and_none_beside_them(side: Side) -> None:
    destination = side.destination
    written = public(type(destination)) - settings(type(destination))
    written -= of_capabilities(destination) | OPTIONAL
    assert written == Destination.__abstractmethods__
    assert len(written) <= MOST


def test_a_destination_that_answers_at_once_says_nothing_of_jobs() -> None:
    destinations = [make().destination for make in SIDES.values()]
    at_once = [each for each in destinations if not isinstance(each, PollsJobs)]
    assert [each.name for each in at_once] == ["mailchimp"]
    assert not {"poll", "jobs"} & set(dir(at_once[0]))


@pytest.mark.rule("about-said")
def test_what_people_read_of_a_destination_is_said(side: Side) -> None:
    about = side.destination.about
    assert about.title == side.destination.title
    assert str(about.list_title)
    pages = [about.home_url, about.list_help_url, about.key_help_url]
    assert all(page.startswith("https://") for page in pages if page)
    # Who signs in at the vendor looks for no key.
    assert (about.key_help_url is None) == isinstance(side.destination.auth, OAuth2)
