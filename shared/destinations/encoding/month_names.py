"""Reads dates with the name of a month, in English, Swedish and French."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_WORDS = re.compile(r"[0-9]++|[^\W\d_]++")
_BETWEEN_WORDS = re.compile(r"[\w .,/:'\u2019-]*+")
_ORDINAL = frozenset(["st", "nd", "rd", "th", "er", "e", "a"])
_FILLERS = frozenset(["den", "le", "the", "of", "de", "on"])
_WEEKDAYS = frozenset(
    [
        "mon",
        "tue",
        "tues",
        "wed",
        "thu",
        "thur",
        "thurs",
        "fri",
        "sat",
        "sun",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "man",
        "tis",
        "ons",
        "tor",
        "tors",
        "fre",
        "lor",
        "son",
        "mandag",
        "tisdag",
        "onsdag",
        "torsdag",
        "fredag",
        "lordag",
        "sondag",
        "lun",
        "mar",
        "mer",
        "jeu",
        "ven",
        "sam",
        "dim",
        "lundi",
        "mardi",
        "mercredi",
        "jeudi",
        "vendredi",
        "samedi",
        "dimanche",
    ]
)
_MONTH_NAMES = (  # English, Swedish, French, without accents
    "jan january januari janv janvier",
    "feb february februari fev fevr fevrier",
    "mar march mars",
    "apr april avr avril",
    "may maj mai",
    "jun june juni juin",
    "jul july juli juil juillet",
    "aug august augusti aou aout",
    "sep sept september septembre",
    "oct october okt oktober octobre",
    "nov november novembre",
    "dec december decembre",
)
_MONTHS: Mapping[str, int] = {
    name: number for number, names in enumerate(_MONTH_NAMES, 1) for name in names.split()
}


@dataclass(frozen=True, slots=True)
class NamedDay:
    """A day of which the month is named; the others are digits as they are written."""

    day: str
    month: int
    year: str | None


def read_words(seen: str) -> NamedDay | None:
    """Return the day that a text in lower case is, whatever the order of its words."""
    if not _BETWEEN_WORDS.fullmatch(seen):
        return None
    words = [_without_accents(word) for word in _WORDS.findall(seen)]
    while len(words) > 2 and words[0] in _WEEKDAYS and (words[0] not in _MONTHS or _more(words)):
        words = words[1:]
    words = [word for word in words if word not in _FILLERS and word not in _ORDINAL]
    names = [word for word in words if word in _MONTHS]
    numbers = [word for word in words if word.isascii() and word.isdigit()]
    if len(names) != 1 or len(names) + len(numbers) != len(words) or len(numbers) not in (1, 2):
        return None
    if len(numbers) == 2 and len(numbers[0]) > 2:  # the year comes first
        numbers.reverse()
    day, *years = numbers
    if len(day) > 2 or any(len(year) == 3 for year in years):
        return None
    return NamedDay(day, _MONTHS[names[0]], years[0] if years else None)


def _more(words: Sequence[str]) -> bool:
    """Say whether another word is the month: in French, "mar" is short for Tuesday."""
    return any(word in _MONTHS for word in words[1:])


def _without_accents(word: str) -> str:
    return "".join(each for each in unicodedata.normalize("NFKD", word) if each.isalnum())
