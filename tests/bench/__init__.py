"""`make bench`: how fast the product is, one module for each benchmark.

Tests here see that they measure, and write what they found; no figure is held to a bound, as machines differ.
"""
