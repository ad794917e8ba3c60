"""Cells of rows become the values that a destination takes."""
