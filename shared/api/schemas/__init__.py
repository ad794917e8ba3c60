"""The bodies of answers that several routes give, each with what makes it of the product's own models.

`connections` and the `fields` of their destinations, `segments`, `exports`, `runs`.
"""
