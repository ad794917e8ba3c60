"""Cells of rows become the JSON of one list.

In the order in which a cell passes through them: `field_types` checks it, `values` makes the rules of one
export of that, `template` lays the JSON out, `encoder` writes one profile, and `columns` many at once.
"""
