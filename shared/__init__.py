"""The library behind the triggers, a package for each subject; docs/glossary.md says what lies where.

`bootstrap` joins the ports of `services` to Azure, as `settings` say; `arrow` is pyarrow as the app uses
it. From above to below, and imports
go only that way: `api` and `triggers` begin what `runs` carries out; `exports`, `schedules` and
`connections` are what people set up; `people` and `records` are what all of these use of storage;
`segments` and `transport` are the ways in and out, `destinations` the vendors; then `storage`, `languages`,
`telemetry` and `domain`.
"""
