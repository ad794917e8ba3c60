"""The library behind the triggers; docs/decisions.md and the folder names say what is where."""
