"""Lints the OpenAPI document of the API: ``python -m local.redocly``."""

import sys

from local.redocly import document, lint


def main() -> int:
    """Print what the linter finds; return 0 if it finds nothing."""
    found = lint(document())
    sys.stdout.write(found.stdout + found.stderr if found.returncode else "OpenAPI: no problem.\n")
    return found.returncode


if __name__ == "__main__":
    sys.exit(main())
