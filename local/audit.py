"""Asks for known weaknesses of all that is pinned, for Python and for Node: ``python -m local.audit``.

Whoever could not look has not found that all is well: no answer, or none on some package, is a failure.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from local.node import npm
from local.processes import ROOT

# A tool of one purpose, which uv keeps apart from everything else.
_PIP_AUDIT = ("tool", "run", "--from", "pip-audit==2.10.1", "pip-audit")


def pinned(root: Path) -> Sequence[Path]:
    """Return the files of a folder that pin packages."""
    return sorted([*root.glob("requirements*.txt"), *root.glob("*/*/package-lock.json")])


def audit(root: Path, uv: Path) -> Sequence[str]:
    """Ask for all that a folder pins; return the files of pins that are not known to be well."""
    asked = {
        pins: _node(pins) if pins.suffix == ".json" else _python(pins, uv) for pins in pinned(root)
    }
    return [str(pins.relative_to(root)) for pins, code in asked.items() if code]


def _python(pins: Path, uv: Path) -> int:
    # Without --strict a package that the service has no answer for is passed over.
    options = ("--strict", "--disable-pip", "--no-deps", "--requirement", pins)
    return subprocess.run([uv, *_PIP_AUDIT, *options], check=False).returncode  # noqa: S603 - uv


def _node(pins: Path) -> int:
    # Settings of the machine may say that npm asks nobody, and then it reports that all is well.
    return npm(pins.parent, "audit", "--package-lock-only", "--audit", "--no-offline")


def main() -> int:
    """Say what is not known to be well; return 1 if anything is not."""
    bad = audit(ROOT, Path(sys.executable).parent / "uv")
    for pins in bad:
        print(f"{pins}: not known to be well", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
