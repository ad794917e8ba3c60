"""Keeping the language that a person wants to be spoken to in, whatever their browser says."""

import hashlib

from shared.domain.people import Language, Person, Preferences
from shared.services import Services
from shared.storage.entries import SettingsTable


async def preferred_language(services: Services, person: Person) -> Language | None:
    """Return the language that a person has chosen, or None; raise Unavailable."""
    stored = await services.storage.preferences.get(SettingsTable.PREFERENCES, _key(person))
    return stored.value.language if stored else None


async def prefer_language(services: Services, person: Person, language: Language | None) -> None:
    """Keep what a person chooses; None forgets it."""
    records = services.storage.preferences
    if language is None:
        await records.delete(SettingsTable.PREFERENCES, _key(person))
    else:
        await records.put(SettingsTable.PREFERENCES, _key(person), Preferences(language=language))


def _key(person: Person) -> str:
    """Return a key for any id: an issuer's may hold characters that no table takes."""
    return hashlib.sha256(person.id.encode()).hexdigest()
