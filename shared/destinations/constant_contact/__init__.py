"""Constant Contact."""
