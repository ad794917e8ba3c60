"""docs/requirements.md names tests that exist."""

import re

from tests.docs.pages import ROOT, rows

PAGE = (ROOT / "docs/requirements.md").read_text()
_TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def test_every_requirement_names_a_test_and_every_test_named_exists() -> None:
    table = rows(PAGE)
    assert table
    for requirement, proof in table:
        named = _TEST.findall(proof)
        assert named, requirement
        for file, test in named:
            path = ROOT / file
            assert path.is_file(), file
            assert not test or f"def {test}(" in path.read_text(), f"{file}::{test}"
