"""Reading CSV: `rows` cuts a file into blocks of whole lines, `columns` parses those that are plain."""
