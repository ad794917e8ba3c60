"""The services that profiles are sent to: a destination is one folder, `destination.py` first.

In the order in which work passes through them: `contract` says what a destination is, in the words of
`model` and `batch`; `registry` lists them; `oauth2` signs in; `encoding` writes profiles; each vendor's
folder sends them; `answers` is what the vendors share in reading what comes back. None of a vendor's files
has more than 200 lines.
"""
