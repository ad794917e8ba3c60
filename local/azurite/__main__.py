"""``python -m local.azurite`` installs Azurite as package-lock.json pins it."""

import os
import subprocess
import sys

from local.azurite import FOLDER, node_folder


def main() -> int:
    """Run ``npm ci`` with the Node that will run Azurite; return npm's exit code."""
    folder = node_folder()
    # npm finds its node on PATH. Nothing that Azurite needs has an install script worth running.
    path = f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"
    install = [str(folder / "npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    options = ["--loglevel", "error"]
    return subprocess.run(  # noqa: S603 - npm, found beside node
        [*install, *options], cwd=FOLDER, env=os.environ | {"PATH": path}, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
