"""One execution of an export."""
