"""The rules of the contract by their ids, and how each destination stands to them: its `quality.toml`.

A rule is done, guessed (it holds at the sandbox, but rests on facts that no live account has confirmed) or
exempt (it cannot apply; then its tests are not run).
"""

import inspect
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from shared.destinations.contract import Destination

RULES: Mapping[str, str] = {
    "fields-arrive-once": "Every profile arrives with its fields, and none is sent twice",
    "changes-only": "What changed is sent, and nothing else",
    "empty-cells": "An empty cell leaves what is there or clears it, as chosen",
    "long-names": "A name that is too long is cut, and the run says so",
    "left-told-apart": "Who has left is told apart, and never subscribed again",
    "left-stays-away": "Who has left stays away, in whatever order things happen",
    "list-gone": "A list that is gone fails the run and is named",
    "write-made-good": "A write that fails once is made good and counted once",
    "not-an-earlier-write": "A write that never arrived is not taken for an earlier one",
    "not-anothers-lost-write": "A write that never arrived is not taken for another export's lost one",
    "not-a-later-write": "A write that never arrived is not taken for a later one of another export",
    "lost-import-found": "An import whose answer was lost is looked for before it is sent again",
    "look-up-made-again": "A look-up that fails is made again",
    "sign-in-lost": "A lost sign-in stops the run, and signing in goes on from there",
    "sign-in-revoked": "A revoked connection needs a sign-in and sends nothing more",
    "limit-lowered": "A limit that is lowered unannounced is kept and costs no row",
    "limit-of-one-account": "A limit of one account never slows another",
    "outcomes-add-up": "Rows are the sum of outcomes, whatever fails",
    "requests-as-described": "Every request is one that the vendor describes",
    "preview-shows-requests": "A preview shows the requests that a run then makes",
    "cancel-amid-sending": "A run can be canceled amid its sending, and the next sends the rest",
    "speed-near-limits": "A million profiles take little longer than the limits demand",
    "second-run-quick": "A second run takes less than a tenth of the first one's time",
    "members-of-the-contract": "Its author writes the members of the contract and none beside them",
    "about-said": "What people read of it is said",
}


@dataclass(frozen=True)
class Guess:
    """What a rule rests on that nobody has confirmed."""

    settled_by: str  # what somebody with a live account would do
    facts: list[tuple[str, str]]  # what is not confirmed, and how the product treats it


@dataclass(frozen=True)
class Quality:
    """How a destination stands to the rules."""

    done: list[str]
    guessed: Mapping[str, Guess]
    exempt: Mapping[str, str]  # rule -> why

    @property
    def rules(self) -> list[str]:
        """Every rule that is named."""
        return [*self.done, *self.guessed, *self.exempt]

    def of(self, rule: str) -> str:
        """Return how it stands to a rule, in a word."""
        if rule in self.exempt:
            return "exempt"
        return "guessed" if rule in self.guessed else "done"


@cache
def quality(folder: Path) -> Quality:
    """Read the `quality.toml` of a destination's folder."""
    said = tomllib.loads((folder / "quality.toml").read_text())
    unknown = said.keys() - {"done", "guessed", "exempt"}
    assert not unknown, unknown
    guessed = {
        each["rule"]: Guess(each["settled_by"], [(fact, how) for fact, how in each["facts"]])
        for each in said.get("guessed", [])
    }
    assert len(guessed) == len(said.get("guessed", [])), "a rule is guessed twice"
    return Quality(said["done"], guessed, said.get("exempt", {}))


def folder_of(destination: Destination) -> Path:
    """Return the folder that a destination is."""
    return Path(inspect.getfile(type(destination))).parent
