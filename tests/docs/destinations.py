"""The tables of docs/destinations.md that the destinations' quality.toml make; `make tables` writes them."""

import re
from collections.abc import Sequence
from pathlib import Path

from tests.contract.destinations.rules import RULES, Quality, quality
from tests.docs.pages import ROOT

PAGE = ROOT / "docs/destinations.md"
VENDORS = {
    "mailchimp": "Mailchimp",
    "constant_contact": "Constant Contact",
    "activecampaign": "ActiveCampaign",
}
_MADE = re.compile(r"(<!-- made of quality\.toml: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def made(text: str) -> str:
    """Return the page with its tables as the files make them."""
    return _MADE.sub(lambda found: f"{found[1]}\n{_tables(found[2])}\n{found[3]}", text)


def _tables(name: str) -> str:
    if name == "rules":
        return _overview()
    said = _of(name)
    guessed = [(rule, said.guessed[rule]) for rule in RULES if rule in said.guessed]
    facts = [[rule, *pair] for rule, guess in guessed for pair in guess.facts]
    settled = [[rule, guess.settled_by] for rule, guess in guessed]
    return "\n".join(
        (
            _table(["rule", "not confirmed", "treatment"], facts),
            _table(["rule", "what would settle it"], settled),
        )
    )


def _overview() -> str:
    of = [_of(name) for name in VENDORS]
    rows = [[sentence, *(each.of(rule) for each in of)] for rule, sentence in RULES.items()]
    ids = [[f"{row[0]} (`{rule}`)", *row[1:]] for rule, row in zip(RULES, rows, strict=True)]
    return _table(["rule", *VENDORS.values()], ids)


def _of(name: str) -> Quality:
    return quality(ROOT / "shared/destinations" / name)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def main(page: Path = PAGE) -> None:
    """Write the tables."""
    page.write_text(made(page.read_text()))


if __name__ == "__main__":
    main()
