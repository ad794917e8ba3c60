"""The bodies of answers that several routes give, each with what makes it of the product's own models.

`connections`, `fields`, `segments`, `exports`, `runs`.
"""
