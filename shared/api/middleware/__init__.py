"""What every request passes through before its route, and every answer on its way back.

In this order: `language` (what the browser accepts), `headers`, `conditional` (HEAD), `last_resort`,
`conditional` (ETags), `limits` (of query and headers), `authentication`, `language` (what the caller has
chosen), `limits` (of callers, then of the body). `layer` is the base of them
all, and `etags` is what names versions and answers.
"""
