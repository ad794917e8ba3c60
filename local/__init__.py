"""The local stack: everything that the product talks to, on this machine."""
