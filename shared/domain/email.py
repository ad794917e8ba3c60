"""What counts as an email address, stated once for every destination.

The rules are the strictest that the three vendors publish (ActiveCampaign's bulk import: something
before the `@`, none of `" ( ) , : ; < > [ \\ ]`, a dot in the domain, at least two letters after it),
joined with the lengths of RFC 5321 and Mailchimp's rule that international characters may stand
only after the `@`.
"""

import re

_ADDRESS = re.compile(
    r"(?=.{3,254}\Z)"  # the whole of it
    r"(?=[^@]{1,64}@)"  # the part before the @
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[^\W_](?:(?:[^\W_]|-){0,61}[^\W_])?\.)+[^\W\d_](?:[^\W_]|-){0,61}[^\W_]",
    re.DOTALL,
)


def normal_form(text: str) -> str:
    """Return the spelling under which an address is compared and sent: trimmed, in lower case.

    No destination tells addresses apart by case, so two spellings are one profile.
    """
    return text.strip().lower()


def is_address(address: str) -> bool:
    """Say whether an address in its normal form is one that a destination could accept."""
    return _ADDRESS.fullmatch(address) is not None
