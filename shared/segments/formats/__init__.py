"""Reading the file formats of segments.

`registry` opens a file by its name and returns a `reader`. Text is `streamed`, through `gunzip` if it is
packed, into the rows of `csv` or `ndjson`; `parquet` is read in ranges. `rows` says what comes out of
each, and `cell_text` how typed values are written.
"""
