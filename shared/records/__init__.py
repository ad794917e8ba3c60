"""What all use cases do with records: find, change, list.

- `chosen`: the base of what people choose
- `records`: finds a record or refuses, changes it under its ETag, scans a partition
- `paging`: searches, sorts and reads lists page by page
- `bulk`: does something to many records in one request
- `app_keys`: the app's own keys in the vault
"""
