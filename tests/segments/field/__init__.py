"""Small files as real writers make them, and made-up people in them."""
