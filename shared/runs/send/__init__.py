"""Batches go to the destination, and what it says of them is recorded."""
