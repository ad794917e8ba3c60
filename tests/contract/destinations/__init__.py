"""What every destination must keep, each against its own sandbox: the same tests for all of them."""
