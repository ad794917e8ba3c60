"""Reading the file formats of segments."""
