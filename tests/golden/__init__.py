"""What the product stores and says, written down once: a change of it shows as a change of these files."""
