"""Finding and reading segment files.

A listing of the container goes through `paths` (what each file is) and `inventory` (which versions they
make), with `model_json` for what Customer Insights exports; `catalogue` is what others ask for segments
and versions. `formats` reads the files, and `stats` keeps what was learned of a version.
"""
