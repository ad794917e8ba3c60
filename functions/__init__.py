"""Thin triggers: parse, call one use case, return.

- `http`: every request goes to the API
- `arrivals`: a segment file landed
- `minute`: what is due, and what was lost
- `slices`: a run goes on, or its message was given up
- `execution`: what all but `http` run in
"""
