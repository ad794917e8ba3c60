"""`make bench`: how the product compares with what is possible. No test: machines differ."""
