"""docs/destinations.md shows what the destinations' quality.toml say."""

from tests.contract.destinations.rules import RULES
from tests.docs.destinations import PAGE, VENDORS, made


def test_the_page_has_the_tables_that_the_files_make() -> None:
    text = PAGE.read_text()
    assert all(f"<!-- made of quality.toml: {name} -->" in text for name in ("rules", *VENDORS))
    assert all(f"`{rule}`" in text for rule in RULES)
    assert made(text) == text, "write them anew: make tables"


def test_what_somebody_wrote_into_a_table_is_written_over() -> None:
    text = PAGE.read_text()
    assert made(text.replace("| guessed |", "| done |")) == text
