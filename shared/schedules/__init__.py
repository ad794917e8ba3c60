"""When exports are due."""
