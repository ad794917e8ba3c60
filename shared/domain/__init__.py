"""The nouns of the product and their pure rules: no I/O, no Azure, no HTTP."""
