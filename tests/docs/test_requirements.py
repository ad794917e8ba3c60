"""docs/requirements.md and SECURITY.md name tests that exist."""

import re

from tests.docs.pages import ROOT, rows, section

REQUIREMENTS = (ROOT / "docs/requirements.md").read_text()
SECURITY = (ROOT / "SECURITY.md").read_text()
_TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def check_named(what: str, proof: str) -> None:
    named = _TEST.findall(proof)
    assert named, what
    for file, test in named:
        path = ROOT / file
        assert path.is_file(), file
        assert not test or f"def {test}(" in path.read_text(), f"{file}::{test}"


def test_every_requirement_names_a_test_and_every_test_named_exists() -> None:
    table = rows(REQUIREMENTS)
    assert table
    for requirement, proof in table:
        check_named(requirement, proof)


def test_every_threat_has_a_control_and_names_a_test_that_exists() -> None:
    table = rows(section(SECURITY, "## Threats"))
    assert table
    for threat, control, proof in table:
        assert control, threat
        check_named(threat, proof)
