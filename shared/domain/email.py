"""What counts as an email address, and which spellings are one address; stated once for every destination.

The rules are those of the library email-validator (RFC 5321, RFC 5322, IDNA 2008), joined with the
strictest that the three vendors publish:

- ActiveCampaign's bulk import: something before the `@`, none of `" ( ) , : ; < > [ \\ ]`, a dot in
  the domain, at least two letters after it. So no quotes, no comments, no IP addresses.
- Mailchimp's file imports: international characters may stand only after the `@`.

Names that are reserved for other things (such as .test) are left to the vendors to refuse.

An international domain has two spellings, in its own script and in ASCII ("xn--…"). The ASCII one is
sent: it is what mail servers use among themselves, and no vendor's rules exclude it.
"""

import re

from email_validator import EmailNotValidError, validate_email

# Nearly every address is plain: no label of its domain holds two hyphens in a row, which would be an
# international one, and it is too short for any part to be too long. The library would say the same
# of it and take forty times as long; a million rows make that worth looking for.
_LOCAL = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
PLAIN = _LOCAL + r"@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,}"
"""A pattern, the same for RE2 and Python's `re`: a text that it is the whole of is an address."""
PLAIN_LENGTH = 63
"""Characters that such a text may have; longer ones need a look."""

_PLAIN = re.compile(PLAIN)

# What the vendors take of what the library accepts.
_TAKEN = re.compile(_LOCAL + r"@(?:[a-z0-9-]++\.)+(?:[a-z]{2,}|xn--[a-z0-9-]+)")

_LONGEST = 254  # characters, RFC 5321
_AROUND = re.compile(r"\A[\s\u200b-\u200d\u2060\ufeff]+|[\s\u200b-\u200d\u2060\ufeff]+\Z")


def normal_form(text: str) -> str:
    """Return the spelling under which an address is compared and sent.

    It is trimmed, in lower case, and its domain is in ASCII. No destination tells addresses apart by
    case, so two spellings are one profile. What is no address comes back much as it was.
    """
    text = text.strip()
    if text.isascii():
        return text.lower()
    text = _AROUND.sub("", text)  # what cannot be seen, such as a zero-width space
    return text.lower() if text.isascii() else _in_ascii(text)


def is_address(address: str) -> bool:
    """Say whether an address in its normal form is one that a destination could accept."""
    if len(address) <= PLAIN_LENGTH and _PLAIN.fullmatch(address):
        return True
    if len(address) > _LONGEST or not _TAKEN.fullmatch(address):
        return False
    return _validated(address) is not None


def _in_ascii(text: str) -> str:
    """Return an address with its domain in ASCII, or the same text if it is none."""
    local, _, domain = text.rpartition("@")
    if not local.isascii() or len(domain) > _LONGEST:
        return text
    return _validated(f"{local.lower()}@{domain}") or text


def _validated(address: str) -> str | None:
    """Return the ASCII spelling of what the library accepts."""
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
