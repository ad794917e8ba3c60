"""What the reader of a document is told at each turn of its walk: every title, detail and pointer."""

from collections.abc import Mapping

from tests.e2e.documents import Document
from tests.e2e.told.english import ENGLISH
from tests.e2e.told.french import FRENCH
from tests.e2e.told.swedish import SWEDISH
from tests.e2e.told.words import Words

_LANGUAGES: Mapping[str, Words] = {"en": ENGLISH, "fr": FRENCH, "sv": SWEDISH}

MAY_NOT, NONE, NOT_NOW, WRONG, MALFORMED = "may not", "none", "not now", "wrong", "malformed"
_BY_KEY = {"give an address for a host": (WRONG, "/host"), "give a wrong key": (WRONG, "/api_key")}
_PROBLEMS: Mapping[str, tuple[str, str]] = {  # the kind, and what the pointer points at
    "add as contributor": (MAY_NOT, ""),
    "unknown type": (WRONG, "/destination"),
    "no display name": (MALFORMED, "/display_name"),
    "use by everybody": (MALFORMED, "/shared_with"),
    "connect unagreed": (NOT_NOW, ""),
    "disagree": (MALFORMED, "/accepted"),
    "agree to old terms": (WRONG, "/terms_version"),
    "save unconnected": (NOT_NOW, ""),
    "save without export user": (NOT_NOW, ""),
    "export on a draft": (NOT_NOW, ""),
    "look at an unshared connection": (NONE, ""),
    "export on an unshared connection": (WRONG, "/connection_id"),
    "share as contributor": (MAY_NOT, ""),
    "unknown list": (WRONG, "/list_id"),
    "no email": (WRONG, "/fields/email"),
    "missing column": (WRONG, "/fields/email"),
    "no segment": (MALFORMED, "/segments"),
    "another table": (WRONG, "/segments/0"),
    "save as viewer": (MAY_NOT, ""),
    "set the refresh as contributor": (MAY_NOT, ""),
    "refresh five times a day": (MALFORMED, "/times"),
    "run as viewer": (MAY_NOT, ""),
    "remove as contributor": (MAY_NOT, ""),
    "remove while it is used": (NOT_NOW, ""),
    "remove again": (NONE, ""),
    "run detached": (NOT_NOW, ""),
}


def told(document: Document) -> dict[str, tuple[str, ...]]:
    """Return what is told at each turn: title and detail, then the errors; or words that are no problem."""
    words = _LANGUAGES[document.language]
    facts = {
        "destination": document.title,
        "connection": document.display_name,
        "export": document.export,
        "segment": document.segment,
        "columns": ", ".join(document.columns),
        "list_help": words.list_help[document.destination],
    }
    with_key = document.destination == "activecampaign"
    problems = {**_PROBLEMS, **(_BY_KEY if with_key else {})}
    found = {
        turn: _problem(words, kind, pointer, words.details[turn].format(**facts))
        for turn, (kind, pointer) in problems.items()
    }
    for turn, sentences in words.sentences.items():
        found[turn] = tuple(sentence.format(**facts) for sentence in sentences)
    found["fields"] = tuple(document.fields.values())
    if with_key:
        del found["deny at the destination"]
    return found


def _problem(words: Words, kind: str, pointer: str, detail: str) -> tuple[str, ...]:
    title = words.titles[WRONG if kind == MALFORMED else kind]
    if not pointer:
        return title, detail
    return title, words.see_errors if kind == MALFORMED else detail, f"{pointer}: {detail}"
