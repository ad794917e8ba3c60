"""`make bench`: how fast the product is, one module for each benchmark. No tests: machines differ."""
