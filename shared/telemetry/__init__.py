"""What the app reports of itself: log lines and events, spans, and metrics.

No address, no name, no secret and no content of a list is in any of it. Spans and metrics are made with
OpenTelemetry's API, which does nothing until `export` has set up where they go.

- `export`: sets up where telemetry goes, and sends it before an execution ends
- `spans`, `metrics`, `logs`: what there is of each
"""
