"""Thin triggers: parse, call one use case, return."""
