"""What begins runs, and what is done every minute.

- `arrivals`: a new version of a segment has landed.
- `on_demand`: a person or a script asks for a run.
- `every_minute`: the tick, which does the rest of these and wakes runs that were lost.
- `due_runs`: runs that a schedule has made due.
- `webhook_outbox`: the webhook is told of runs that ended.
- `retention`: what is old is removed.
"""
