"""What counts as an email address, and which spellings are one address; stated once for every destination.

The rules are those of the library email-validator (RFC 5321, RFC 5322, IDNA 2008), joined with the
strictest that the three vendors publish:

- ActiveCampaign's bulk import: something before the `@`, none of `" ( ) , : ; < > [ \\ ]`, a dot in
  the domain, at least two letters after it. So no quotes, no comments, no IP addresses.
- Mailchimp's file imports: international characters may stand only after the `@`.

Names that are reserved for other things (such as .test) are left to the vendors to refuse.

An international domain has two spellings, in its own script and in ASCII ("xn--…", by UTS 46). The ASCII
one is sent: it is what mail servers use among themselves, and no vendor's rules exclude it.

Whatever has the length of a book is refused before any pattern sees it.
"""

import re
from collections.abc import Mapping, Sequence

from email_validator import EmailNotValidError, validate_email

from shared.domain.message import Message, say
from shared.invisible import BLANKS, without_invisible

# Nearly every address is plain: no label of its domain holds two hyphens in a row, which would be an
# international one, and it is too short for any part to be too long. The library would say the same
# of it and take forty times as long; a million rows make that worth looking for.
_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]"
PLAIN = rf"{_ATOM.replace("'", '')}+(?:\.{_ATOM}+)*" r"@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,}"
"""A pattern, the same for RE2 and Python's `re`: a text that it is the whole of is an address in normal form.

A quote at the beginning is from a spreadsheet, though an address could have one there."""
PLAIN_LENGTH = 63
"""Characters that such a text may have; longer ones need a look."""

_PLAIN = re.compile(PLAIN)
# A text around which and in which nothing stands that could be taken away: there is only one way to read it.
_BARE = re.compile(r"[A-Za-z0-9][ -9;=?-~]*+(?<=[A-Za-z0-9])")
_LOCAL = rf"{_ATOM}++(?:\.{_ATOM}++)*+"

# What the vendors take of what the library accepts.
_TAKEN = re.compile(_LOCAL + r"@(?:[a-z0-9-]++\.)++(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})")

_LONGEST = 254  # characters, RFC 5321
_LONGEST_LOCAL = 64
_LONGEST_CELL = 1_000  # characters in which an address is looked for
_LONGEST_WRITTEN = 10_000  # the same, with all that cannot be seen

_TOO_LONG = say("The address is too long.")

_QUOTES = "'\"\u2018\u2019\u201c\u201d"
BEFORE, BEHIND = f"<([{_QUOTES}", f">)]{_QUOTES};,."
"""What people and programs write around an address, beside blanks."""

_MAILTO = "mailto:"
_WIDE_AT = "\uff20"
_WRAPS = frozenset(
    {"<", ":", _WIDE_AT}
)  # one of them stands in what is more than an address inside


def normal_form(text: str) -> str:
    """Return the spelling under which an address is compared and sent.

    It is in lower case, its domain is in ASCII, and what people and programs write around it is gone:
    what cannot be seen, a name before `<…>`, `mailto:`, brackets, quotes, a `;` or `.` behind it. No
    destination tells addresses apart by case, so two spellings are one profile. What is no address comes
    back much as it was.
    """
    return read_address(text)[0]


def read_address(text: str) -> tuple[str, bool]:
    """Return the normal form of a text, and whether that is an address, as `is_address` says."""
    if len(text) > _LONGEST_WRITTEN:
        return text, False
    if _BARE.fullmatch(text):
        lower = text.lower()
        return lower, is_address(lower)
    seen = without_invisible(text)
    lower = seen.lower() if seen.isascii() else seen
    if "@" not in seen and _WIDE_AT not in seen:
        return lower, False
    # A quote before it is left from a spreadsheet, though an address could begin with one.
    if lower[:1] not in _QUOTES and is_address(lower):
        return lower, True
    found = _address_in(seen)
    return (found, True) if found else (lower, False)


def is_address(address: str) -> bool:
    """Say whether an address in its normal form is one that a destination could accept."""
    if len(address) > _LONGEST or not _TAKEN.fullmatch(address):
        return False
    if len(address) <= PLAIN_LENGTH and _PLAIN.fullmatch(address):
        return True
    return _validated(address) is not None


def why_no_address(text: str) -> tuple[str, Message]:
    """Return the code and the words for why a text is no address, though it is in its normal form."""
    if len(text) > _LONGEST_CELL:
        return _FOUND["address_too_long"]
    found = _WHY_NOT.match(text if _BARE.fullmatch(text) else _bare(text))
    return _FOUND[found.lastgroup if found else None]


def _address_in(seen: str) -> str | None:
    """Return the address that a text without invisible marks holds, if there is just one."""
    if len(seen) > _LONGEST_CELL:
        return None
    bare = _bare(seen)
    if bare is seen and seen.isascii():
        return None  # it was looked at as it is
    local, at, domain = bare.rpartition("@")
    if not at or not local.isascii() or "@" in local:
        return None
    found = bare.lower() if bare.isascii() else _validated(f"{local.lower()}@{domain}")
    return found if found and is_address(found) else None


def _bare(seen: str) -> str:
    """Return what is left without a name before `<…>`, `mailto:`, and what brackets and ends it."""
    if seen[:1].isalnum() and seen[-1:].isalnum() and not _may_wrap(seen):
        return seen
    text = seen.replace(_WIDE_AT, "@")
    name, _, behind = text.rpartition("<")
    inside, closed, rest = behind.partition(">")
    named = closed and "@" in inside and not _trimmed(rest)
    if named and ("@" not in name or _same(name, inside)):
        text = inside
    text = _trimmed(text)
    if text[: len(_MAILTO)].lower() == _MAILTO:
        text = _trimmed(text[len(_MAILTO) :].partition("?")[0])
    return text


def _may_wrap(seen: str) -> bool:
    """Say whether a text may hold more than an address and what is at its ends."""
    return "<" in seen or ":" in seen or _WIDE_AT in seen


def _same(name: str, inside: str) -> bool:
    """Say whether what stands before `<…>` is the address once more, as Outlook writes it."""
    address = inside.lower().removeprefix(_MAILTO)
    return _trimmed(name).lower() == _trimmed(address)


def _trimmed(text: str) -> str:
    return text.lstrip(BEFORE + BLANKS).rstrip(BEHIND + BLANKS)


def _validated(address: str) -> str | None:
    """Return the ASCII spelling of what the library accepts."""
    if len(address) > _LONGEST:
        return None
    try:
        found = validate_email(
            address,
            strict=True,  # at most 64 characters before the @
            allow_smtputf8=False,
            allow_quoted_local=False,
            allow_domain_literal=False,
            allow_display_name=False,
            check_deliverability=False,
            globally_deliverable=False,
        )
    except EmailNotValidError:
        return None
    return found.ascii_email


_WHY: Sequence[tuple[str, str, Message]] = (
    ("no_address", r"\Z", say("There is no email address.")),
    ("no_at", r"[^@]*+\Z", say("There is no @ in the address.")),
    (
        "several_addresses",
        "[^@]*+@[^@]*+@",
        say("There are several addresses in this cell."),
    ),
    ("nothing_before_at", r"\s*+@", say("Nothing stands before the @.")),
    ("nothing_after_at", r"[^@]*+@\s*+\Z", say("Nothing stands after the @.")),
    (
        "letters_before_at",
        r"[\x00-?A-\x7f]*+[^\x00-\x7f][^@]*+@",
        say("Letters such as ü may stand only after the @."),
    ),
    ("quote_in_address", '[^"]*+"', say("There is a quote in the address.")),
    ("blank_in_address", r"\s*+\S++\s++\S", say("There is a blank in the address.")),
    ("comma_in_address", "[^,]*+,", say("There is a comma in the address.")),
    (
        "two_dots",
        r"[^.]*+(?:\.[^.]++)*+\.\.",
        say("Two dots stand side by side in the address."),
    ),
    (
        "dot_beside_at",
        r"\.|[^@.]*+(?:\.[^@.]++)*+(?:\.@|@\.)",
        say("A dot stands at the beginning or beside the @."),
    ),
    (
        "number_after_at",
        r"[^@]*+@(?:[^.:]*+[.:])*+[\[\]]*+\d++[\[\]]*+\Z",
        say("After the @ stands a number instead of a name."),
    ),
    (
        "mark_in_address",
        r"[^():;<>\[\]\\]*+[():;<>\[\]\\]",
        say("The address has a mark that may not stand there."),
    ),
    (
        "no_dot_after_at",
        r"[^@]*+@[^.]*+\Z",
        say("What stands after the @ has no ending such as .com."),
    ),
    (
        "address_too_long",
        rf"[^@]{{{_LONGEST_LOCAL + 1}}}|[\s\S]{{{_LONGEST + 1}}}",
        _TOO_LONG,
    ),
    ("bad_domain", f"{_LOCAL}@", say("What stands after the @ is no name of a domain.")),
)
"""Codes of what is wrong with the text of one cell, what tells of it when it begins so, and the words:
the first that fits counts. None goes back on what it has taken."""

_WHY_NOT = re.compile("|".join(f"(?P<{code}>{pattern})" for code, pattern, _ in _WHY))
_FOUND: Mapping[str | None, tuple[str, Message]] = {  # made once, not for each of a million rows
    None: ("bad_address", say("This is no email address.")),
    **{code: (code, words) for code, _, words in _WHY},
}
