"""What a run keeps in storage while it goes on, and how it is read and written.

- `context`: the export, connection and account that it works for.
- `checkpoint`: where it goes on from. `open_run`: the run and its checkpoint together.
- `cancellation`: the sign that somebody has canceled it.
- `partitions`, `profiles`: how profiles are sorted, and how they are held in memory.
- `parts`: what is to be sent. `rejects`: rows that were not accepted, and why.
- `delivered`: what the export's list was last told.
"""
