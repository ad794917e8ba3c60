"""Sentences for people in the languages that they are read in. Only the API speaks to people.

- `rendering`: makes a text of a message, by the catalogue of a language (`sv.po`, `fr.po`)
"""
