"""Messages as people read them."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.message import Message, say, say_count
from shared.domain.people import Language
from shared.languages.rendering import rendered
from tests.languages.messages import ROOT, filled, messages

WORDS = st.text(st.characters(exclude_characters="{}", exclude_categories=["Cs"]))
COUNTS = st.integers(0, 10**12)
VALUES = st.one_of(
    WORDS,
    st.integers(-(10**12), 10**12),
    st.tuples(WORDS, st.integers()),
    st.builds(lambda words: say("{why} Sign in again.", why=words), WORDS),
)


@given(st.sampled_from(list(messages().items())), st.sampled_from(Language), VALUES, COUNTS)
def test_whatever_is_filled_in_every_message_can_be_read(
    texts: tuple[str, str | None], language: Language, value: str, count: int
) -> None:
    message = filled(*texts, value, count)
    assert not {"{", "}"} & set(rendered(message, language))
    stored = Message.model_validate_json(message.model_dump_json(exclude_defaults=True))
    assert rendered(stored, language) == rendered(message, language)


def test_a_number_may_have_more_digits_than_a_decimal() -> None:
    assert rendered(say("{why}", why=10**30), Language.ENGLISH) == f"{10**30:,}"


@given(st.sampled_from(Language), st.text())
def test_what_somebody_said_is_never_translated(language: Language, words: str) -> None:
    assert rendered(words, language) == words
    for own in (words, "Email", "{why}"):
        text = rendered(say("{why} Sign in again.", why=own), language)
        assert text.startswith(own)


@given(st.sampled_from(list(messages().items())), COUNTS)
def test_english_is_what_the_code_says(texts: tuple[str, str | None], count: int) -> None:
    message = filled(*texts, 12_345, count)
    assert rendered(message, Language.ENGLISH) == str(message)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        (Language.ENGLISH, "Read 1,000,001 rows; 1 profile to send."),
        (Language.SWEDISH, "Läste 1\u00a0000\u00a0001 rader; 1 profil att skicka."),
        (
            Language.FRENCH,
            "Lecture de 1\u202f000\u202f001 lignes terminée\u00a0; 1 profil à envoyer.",
        ),
    ],
)
def test_numbers_and_plurals_are_the_languages_own(language: Language, text: str) -> None:
    message = say(
        "Read {rows}; {profiles} to send.",
        rows=say_count("{count} row", "{count} rows", 1_000_001),
        profiles=say_count("{count} profile", "{count} profiles", 1),
    )
    assert rendered(message, language) == text


def test_french_counts_nothing_as_one_does() -> None:
    message = say_count("{count} row", "{count} rows", 0)
    said = [rendered(message, language) for language in Language]
    assert said == ["0 rows", "0 rader", "0 ligne"]


def test_a_message_within_a_message_is_translated_too() -> None:
    message = say("{field} must be {what}.", field=say("Email"), what=say("an email address"))
    assert rendered(message, Language.SWEDISH) == "E-post måste vara en e-postadress."
    own = say("{field} must be {what}.", field="Email", what=say("an email address"))
    assert rendered(own, Language.FRENCH) == "Email doit être une adresse e-mail."


def test_what_sends_exports_loads_no_catalogue() -> None:
    code = (
        "import sys, functions.arrivals, functions.minute, functions.slices, functions.http\n"
        "print([name for name in ('babel', 'fastapi', 'shared.languages') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603 - our own modules
    assert answer.stdout == "[]\n"
