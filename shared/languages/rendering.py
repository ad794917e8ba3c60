"""Messages become texts: translated, and with what is filled in.

A language has one catalogue, `<language>.po`, in gettext's form. It is read when the first message is
wanted in it. English has none: its sentences stand in the code, as the keys of all others.
"""

from decimal import localcontext
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import cast

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from shared.domain.message import Message, Value
from shared.domain.people import Language


def rendered(words: Message | str, language: Language) -> str:
    """Return a message in a language; what is a text already is somebody's own words and stays.

    A message that has no translation, such as one that was stored by an older version, is in English.
    """
    if isinstance(words, str):
        return words
    translations = _translations(language)
    if words.many is None:
        text = translations.gettext(words.text)
    else:
        count = cast("int", words.values["count"])  # say_count takes nothing else
        text = translations.ngettext(words.text, words.many, count)
    filled = {name: _filled_in(value, language) for name, value in words.values.items()}
    return text.format_map(filled)


def _filled_in(value: Value, language: Language) -> str:
    if isinstance(value, tuple):
        return ", ".join(_filled_in(each, language) for each in value)
    if isinstance(value, int):
        with localcontext(prec=max(28, len(str(value)) + 3)):  # else Babel fails beyond 25 digits
            return format_decimal(value, locale=language)
    return rendered(value, language)


def catalogue(language: Language) -> Path:
    """Return the file with the translations into a language; there is none for English."""
    return Path(__file__).parent / f"{language}.po"


@cache
def _translations(language: Language) -> NullTranslations:
    if language is Language.ENGLISH:
        return NullTranslations()
    compiled = BytesIO()
    with catalogue(language).open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)
