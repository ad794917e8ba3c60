"""Sandboxes of the destinations: servers that enforce what the vendors publish.

`kit` has what they have in common; `mailchimp`, `constant_contact` and `activecampaign` have the rules.
"""
