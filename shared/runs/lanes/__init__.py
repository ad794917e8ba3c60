"""Whose turn it is to spend a quota."""
