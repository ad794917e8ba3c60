"""Every sentence for people is in every catalogue, whole, and nothing else is."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog

from shared.domain.message import say, say_count
from shared.domain.people import Language
from shared.languages.rendering import catalogue, rendered
from tests.languages.messages import (
    ROOT,
    TEXTS,
    TRANSLATED,
    calls,
    filled,
    messages,
    placeholders,
    translations,
)

in_each_language = pytest.mark.parametrize("language", TRANSLATED)

_LOOSE_SIGN = re.compile(r"(?<!\u00a0)[:;!?»](?=\s|$)|«(?!\u00a0)")


def forms(string: str | Sequence[str] | None) -> tuple[str, ...]:
    return (string,) if isinstance(string, str) else tuple(string or ())


def entries(catalog: Catalog) -> dict[str, tuple[str, ...]]:
    return {forms(each.id)[0]: forms(each.string) for each in catalog if each.id}


def test_every_message_is_a_literal() -> None:
    found = list(calls())
    assert len(found) > 200
    wrong = [
        where
        for where, name, texts in found
        if len(texts) != TEXTS[name] or not all(map(_is_literal, texts))
    ]
    assert wrong == []


def _is_literal(node: object) -> bool:
    return isinstance(getattr(node, "value", None), str)


def test_only_names_are_filled_in() -> None:
    for text, many in messages().items():
        for each in filter(None, (text, many)):
            for _, name, form, conversion in Formatter().parse(each):
                assert name is None or (name.isidentifier() and not form and not conversion), each


@in_each_language
def test_every_message_is_in_the_catalogue_and_none_is_unused(language: Language) -> None:
    there = {
        forms(each.id)[0]: forms(each.id)[1] if each.pluralizable else None
        for each in translations(language)
        if each.id
    }
    assert there == messages()


@in_each_language
def test_none_is_fuzzy_empty_or_obsolete(language: Language) -> None:
    catalog = translations(language)
    assert not catalog.obsolete
    assert [each.id for each in catalog if each.id and each.fuzzy] == []
    assert [text for text, said in entries(catalog).items() if not all(said)] == []


@in_each_language
def test_each_has_the_placeholders_of_its_english(language: Language) -> None:
    catalog = translations(language)
    for text, said in entries(catalog).items():
        many = messages()[text]
        assert len(said) == (1 if many is None else catalog.num_plurals), text
        for form in said:
            assert placeholders(form) == placeholders(text), form
            assert many is None or placeholders(form) == placeholders(many), form


@in_each_language
def test_each_ends_as_its_english_does(language: Language) -> None:
    for text, said in entries(translations(language)).items():
        assert {form.endswith(".") for form in said} == {text.endswith(".")}, text


def test_french_signs_stand_behind_spaces_that_do_not_break() -> None:
    for said in entries(translations(Language.FRENCH)).values():
        for form in said:
            assert not _LOOSE_SIGN.search(form), form
            assert "'" not in form, form


def test_swedish_has_its_own_quotes() -> None:
    for said in entries(translations(Language.SWEDISH)).values():
        assert not [form for form in said if "'" in form or '"' in form or "“" in form]


@in_each_language
def test_every_message_is_translated_when_it_is_rendered(language: Language) -> None:
    said = entries(translations(language))
    for text, many in messages().items():
        for count in (1, 2):
            message = filled(text, many, "x", count)
            form = said[text][0 if count == 1 else -1]
            names = placeholders(text) - {"count"}
            expected = form.format_map(dict.fromkeys(names, "x") | {"count": count})
            assert rendered(message, language) == expected


def test_make_catalogues_leaves_what_is_up_to_date_as_it_is(tmp_path: Path) -> None:
    for language in TRANSLATED:
        shutil.copy(catalogue(language), tmp_path)
    _make_catalogues(tmp_path)
    for language in TRANSLATED:
        assert (tmp_path / f"{language}.po").read_text() == catalogue(language).read_text()


def test_make_catalogues_adds_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "sv.po").write_text(
        'msgid "Going on."\nmsgstr "Vidare."\n\nmsgid "Gone"\nmsgstr "Borta"\n'
    )
    _make_catalogues(tmp_path)
    text = (tmp_path / "sv.po").read_text()
    assert 'msgid "Going on."\nmsgstr "Vidare."' in text
    assert text.count("\nmsgid ") == len(messages()) + 1  # and the header
    assert "Gone" not in text


def _make_catalogues(folder: Path) -> None:
    # The environment is there, or this test would not run; it must not be installed anew.
    command = ["make", "--assume-old=.venv/.installed", "catalogues", f"CATALOGUES={folder}"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)  # noqa: S603 - our own Makefile


def test_a_sentence_without_a_translation_is_english() -> None:
    message = say("This was said by {who} before.", who="a version")
    assert rendered(message, Language.SWEDISH) == "This was said by a version before."
    counted = say_count("{count} thing of old", "{count} things of old", 2)
    assert rendered(counted, Language.FRENCH) == "2 things of old"
