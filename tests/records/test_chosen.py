"""What a name may be that people choose."""

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.invisible import CONTROLS, IGNORABLE, can_be_name, turns_letters
from shared.records.chosen import Name
from shared.records.paging import folded

NAMES: TypeAdapter[str] = TypeAdapter(Name)

CONTROL = sorted({chr(code) for ends in CONTROLS for code in ends})
UNSEEN = sorted({chr(code) for ends in IGNORABLE for code in ends if not turns_letters(chr(code))})
TURNS = [*"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"]
"""What Unicode's bidirectional algorithm (UAX 9) calls explicit formatting, but for its three marks."""


@pytest.mark.parametrize("control", CONTROL, ids=ascii)
def test_a_control_is_no_part_of_a_name(control: str) -> None:
    with pytest.raises(ValidationError):
        NAMES.validate_python(f"News{control}letter")


@pytest.mark.parametrize("unseen", UNSEEN, ids=ascii)
def test_what_cannot_be_seen_may_stand_in_a_name_but_is_none(unseen: str) -> None:
    assert NAMES.validate_python(f" News{unseen}letter ") == f"News{unseen}letter"
    assert folded(f"News{unseen}letter") == "newsletter"
    with pytest.raises(ValidationError):
        NAMES.validate_python(f"{unseen} {unseen}")


@pytest.mark.parametrize("turns", TURNS, ids=ascii)
def test_what_turns_letters_is_no_part_of_a_name(turns: str) -> None:
    with pytest.raises(ValidationError):
        NAMES.validate_python(f"annex{turns}fdp.exe")
    assert not can_be_name(f"annex{turns}fdp.exe")


@pytest.mark.parametrize(
    "name", ["רשימת לקוחות", "עברית\u200f (2)", "قائمة \u061cA", "A\u200dB", "👩\u200d🚀"]
)
def test_a_name_in_letters_from_right_to_left_is_a_name(name: str) -> None:
    assert NAMES.validate_python(name) == name
    assert can_be_name(name)
