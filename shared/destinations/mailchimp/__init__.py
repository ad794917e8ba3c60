"""Mailchimp.

`destination` asks, `profiles` writes members, `answers` reads what comes back.
"""
