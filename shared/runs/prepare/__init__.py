"""Segment files become parts: profiles that are ready to be sent, in batches.

- `prepare`: both passes over all profiles of a run.
- `mapping`: the first pass, in which rows become profiles or rejects.
- `row_encoder`: the JSON of plain rows, a block at a time.
- `sorter`: the second pass, in which duplicates and unchanged profiles are found.
- `spool`: the scratch file that sorts profiles into partitions between the passes.
"""
