"""Where the product keeps things: ports, and Azure behind them.

- `ports`: what use cases need of storage
- `entries`: the partitions of tables, and the entries of indexes
- `paths`: the names of a run's blobs
- `guarded_update`, `retrying`: how a record is changed under its ETag, and what is tried again
- `limits`: what Azure accepts
- `clients`: opens Azure's clients and joins them to the ports: `tables`, `blobs`, `queues`, `key_vault`
- `azure_errors`: tells Azure's errors in the words of the ports
"""
