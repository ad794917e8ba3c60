"""The REST API: who is calling, what they ask for, and how it is answered.

A request passes through `app`, `middleware` (which asks `tokens` who is calling, and they `issuer_keys`),
`routes` and what they ask for in `dependencies`. Answers are made in `schemas`, or in `problems`,
`field_problems` and `pointer` where something is wrong; `wording` puts them into the caller's language.
`paths` says where all that lies, `openapi` describes it.
"""
