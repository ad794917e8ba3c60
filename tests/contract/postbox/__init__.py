"""Postbox, a service that does not exist: the example of docs/adding-a-destination.md, complete.

`destination.py` is all that the product would need of it, `sandbox.py` stands in for the service, and
the line in tests/contract/destinations/sides.py makes the contract tests run for it.
"""
