"""Where the product keeps things: ports, and their Azure side."""
