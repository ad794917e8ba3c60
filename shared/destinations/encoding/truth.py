"""Knows how programs and people write yes and no, for fields that have a choice of just these two.

A file has `true`, `1`, `t` or `SANT` where the destination's choices are `Yes` and `No`: whoever writes it
knows nothing of them.
"""

from collections.abc import Mapping, Sequence

_PAIRS = (
    ("1", "0"),
    ("1.0", "0.0"),  # a whole column of floats, as an empty cell makes it in pandas
    ("-1", "0"),  # Access
    ("true", "false"),
    ("t", "f"),  # PostgreSQL
    ("y", "n"),
    ("on", "off"),
    ("checked", "unchecked"),
    ("yes", "no"),
    # What Excel and LibreOffice write, and what people do.
    ("sant", "falskt"),
    ("sann", "usann"),
    ("sand", "falsk"),
    ("tosi", "epätosi"),
    ("vrai", "faux"),
    ("wahr", "falsch"),
    ("waar", "onwaar"),
    ("vero", "falso"),
    ("verdadero", "falso"),
    ("verdadeiro", "falso"),
    ("prawda", "fałsz"),
    ("ja", "nej"),
    ("ja", "nei"),
    ("ja", "nein"),
    ("j", "n"),
    ("kyllä", "ei"),
    ("oui", "non"),
    ("sí", "no"),
    ("si", "no"),
    ("sim", "não"),
    ("tak", "nie"),
)
_YES = frozenset(yes for yes, _ in _PAIRS)
_NO = frozenset(no for _, no in _PAIRS)


def spellings(choices: Sequence[str]) -> Mapping[str, str]:
    """Return what else stands for each of two choices that are yes and no, by what it is in lower case."""
    if len(choices) != 2:
        return {}
    for yes, no in (choices, reversed(choices)):
        if yes.strip().casefold() in _YES and no.strip().casefold() in _NO:
            return dict.fromkeys(_YES, yes) | dict.fromkeys(_NO, no)
    return {}
