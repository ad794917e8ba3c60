"""Sandboxes of the destinations: servers that enforce what the vendors publish."""
