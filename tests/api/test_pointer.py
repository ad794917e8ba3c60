"""Members of a body as JSON pointers."""

import pytest

from shared.api.pointer import pointer


@pytest.mark.parametrize(
    ("members", "written"),
    [
        ((), ""),
        (("fields",), "/fields"),
        (("segments", 0), "/segments/0"),
        (("fields", "shoe/size"), "/fields/shoe~1size"),
        (("fields", "~1"), "/fields/~01"),
        (("fields", ""), "/fields/"),
    ],
)
def test_each_member_is_a_step_whatever_is_in_its_name(
    members: tuple[str | int, ...], written: str
) -> None:
    assert pointer(members) == written


def test_long_names_are_cut() -> None:
    assert pointer(("a" * 9, "b"), longest=3) == "/aaa/b"
