"""Somebody who administers the app and agreed to the terms."""

from datetime import datetime

from shared.domain.connection import TERMS_VERSION, Consent
from shared.domain.people import Caller, Person, Role

ANN = Person(id="ann", name="Ann")
ADMINISTRATOR = Caller(ANN, Role.ADMINISTRATOR)


def consent(at: datetime) -> Consent:
    """Return Ann's consent to the terms as they are now."""
    return Consent(by=ANN, at=at, terms_version=TERMS_VERSION)
