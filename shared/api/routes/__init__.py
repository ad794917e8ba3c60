"""The API's resources, one router each.

In the order in which somebody needs them who sets up an export: `about`, `connections`, `oauth` (where a
sign-in ends), `lookups`, `segments`, `exports`, `export_schedules` and `schedule`, `runs`, `reports` (from
destinations), `audit`.
"""
