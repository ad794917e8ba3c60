"""What counts as an email address, stated once for every destination.

The rules are the strictest that the three vendors publish (ActiveCampaign's bulk import: something
before the `@`, none of `" ( ) , : ; < > [ \\ ]`, a dot in the domain, at least two letters after it),
joined with the lengths of RFC 5321 and Mailchimp's rule that international characters may stand
only after the `@`.
"""

import re

_LOCAL = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]++(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]++)*+"

# Nearly every address is plain: its domain is ASCII, and it is too short for any part to be too long.
# Looking for that first takes a third of the full pattern's time, which a million rows make worth it.
_PLAIN = re.compile(_LOCAL + r"@(?:[a-z0-9]++(?:-++[a-z0-9]++)*+\.)+[a-z]{2,}")
_PLAIN_LENGTH = 64

_ADDRESS = re.compile(
    r"(?=.{3,254}\Z)(?=[^@]{1,64}@)"
    + _LOCAL
    + r"@(?:[^\W_](?:(?:[^\W_]|-){0,61}[^\W_])?\.)+[^\W\d_](?:[^\W_]|-){0,61}[^\W_]"
)


def normal_form(text: str) -> str:
    """Return the spelling under which an address is compared and sent: trimmed, in lower case.

    No destination tells addresses apart by case, so two spellings are one profile.
    """
    return text.strip().lower()


def is_address(address: str) -> bool:
    """Say whether an address in its normal form is one that a destination could accept."""
    if len(address) < _PLAIN_LENGTH and _PLAIN.fullmatch(address):
        return True
    return _ADDRESS.fullmatch(address) is not None
