"""Sentences for people in the languages that they are read in. Only the API speaks to people."""
