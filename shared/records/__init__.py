"""What is stored under an ETag and read in pages."""
