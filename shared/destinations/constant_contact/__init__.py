"""Constant Contact.

`destination` asks, `profiles` writes contacts, `answers` reads what comes back, and `jobs` imports.
"""
