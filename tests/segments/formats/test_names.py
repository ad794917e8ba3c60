"""Under which name a column is compared."""

import pytest

from shared.invisible import CONTROLS, IGNORABLE
from shared.segments.formats.names import column_name, it_has


@pytest.mark.parametrize(
    "unseen", sorted({chr(code) for ends in (*IGNORABLE, *CONTROLS) for code in ends}), ids=ascii
)
def test_what_cannot_be_seen_is_no_part_of_a_columns_name(unseen: str) -> None:
    assert column_name(f" {unseen} First{unseen} Name{unseen} ") == "First Name"


def test_letters_of_columns_are_compared_in_nfc() -> None:
    assert column_name("Pre\u0301nom") == "Pr\xe9nom"


# Bringing n accents into their order takes n² steps.
def test_a_name_that_no_database_has_stays_as_it_is() -> None:
    longest = "e\u0301" * 150
    assert column_name(longest) == "\xe9" * 150
    assert column_name(f"{longest}x") == f"{longest}x"


def test_names_that_are_shown_are_cut() -> None:
    """A file that is read in the wrong encoding is nothing but a header, with all people in it."""
    assert len(str(it_has(["x" * 10_000]))) < 150
