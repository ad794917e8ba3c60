"""`python -m tests.kept NAME`: keep a copy of what the code of now leaves in storage.

A version that is given out keeps one, so that the next one is tested with it.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from local.stack import Stack


def main(name: str) -> None:
    """Start what the copy is made with, and make it."""
    with tempfile.TemporaryDirectory() as state, Stack(Path(state), in_memory=True) as stack:
        command = [sys.executable, "-m", "tests.kept.making", name]
        subprocess.run(command, env={**os.environ, **stack.settings}, check=True)  # noqa: S603 - ours


if __name__ == "__main__":
    main(sys.argv[1])
