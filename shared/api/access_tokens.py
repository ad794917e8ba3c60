"""Tells access tokens for this API from what an issuer signs for other ends, by their claims.

The claims are those of Microsoft Entra ID. A person's token names what the program that they use may do
(`scp`); a program's own has no such claim and nothing of a person. An ID token, which tells a program who
signed in, can be for the same audience and hold the same roles, but has neither.
"""

from collections.abc import Mapping
from typing import Any

_OF_PEOPLE = frozenset(
    {
        "name",
        "given_name",
        "family_name",
        "preferred_username",
        "unique_name",
        "upn",
        "email",
        "login_hint",
        "acct",
        "onprem_sid",
    }
)
"""Claims that Entra ID gives in tokens for people only."""
_OF_ID_TOKENS = frozenset({"nonce", "at_hash", "c_hash"})
"""Claims that OpenID Connect gives in ID tokens only."""


def is_access(claims: Mapping[str, Any], scope: str) -> bool:
    """Say whether claims are those of a person's token with a scope, or of a program's own."""
    if _OF_ID_TOKENS & claims.keys():
        return False
    if "scp" in claims:
        granted = claims["scp"]
        return isinstance(granted, str) and scope in granted.split(" ")
    if "idtyp" in claims:
        return bool(claims["idtyp"] == "app")
    # Entra ID names the object of every program, but of a person only beside other claims.
    return "oid" in claims and not _OF_PEOPLE & claims.keys()
