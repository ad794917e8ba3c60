"""What a name may be that people choose."""

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.invisible import CONTROLS, IGNORABLE
from shared.records.chosen import Name
from shared.records.paging import folded

NAMES: TypeAdapter[str] = TypeAdapter(Name)

CONTROL = sorted({chr(code) for ends in CONTROLS for code in ends})
UNSEEN = sorted({chr(code) for ends in IGNORABLE for code in ends})


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
