"""A standing order is written: which segments go to which list, with which fields, and when.

- `schemas`: what people may choose
- `validation`: checks it against the destination and the segments
- `warnings`: says what of it would fail
- `manage`: creates, changes, copies and removes exports
- `attach`: takes the connection away, or gives another one
- `schedule`: sets when exports run
- `views`: reads exports, with what their reader may do with each
"""
