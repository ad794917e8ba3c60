"""What a run would send, without sending it.

- `preview`: prepares a run that nobody keeps.
- `discarding_storage`: the storage that it prepares over.
- `estimate`: how long sending would take.
"""
