"""Finding and reading segment files."""
