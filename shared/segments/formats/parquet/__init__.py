"""Reading Parquet.

`ranged` brings the bytes that `rows` needs, as a `sparse` file. `rows` learns from `pages` where they lie
and how large they become, which `thrift` reads of the file, and from `columns` which can be mapped.
"""
