"""``python -m local.azurite`` installs Azurite as package-lock.json pins it."""

import os
import subprocess
import sys
from pathlib import Path

from local.azurite import FOLDER, node, npm


def main() -> int:
    """Run ``npm ci`` with the Node that will run Azurite; return npm's exit code."""
    # npm finds its node on PATH. Nothing that Azurite needs has an install script worth running.
    path = f"{Path(node()).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]
    return subprocess.run(  # noqa: S603 - npm, found beside node
        [*npm(), "ci", *options], cwd=FOLDER, env=os.environ | {"PATH": path}, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
