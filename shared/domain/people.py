"""Who may do what."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel


class Role(StrEnum):
    """The app roles, strongest first."""

    ADMINISTRATOR = "administrator"
    CONTRIBUTOR = "contributor"
    VIEWER = "viewer"


class Person(BaseModel, frozen=True):
    """A signed-in person, as the identity provider names them."""

    id: str
    name: str


class Language(StrEnum):
    """The languages that the product speaks."""

    ENGLISH = "en"
    SWEDISH = "sv"
    FRENCH = "fr"


class Preferences(BaseModel, frozen=True):
    """What a person has chosen once and for all."""

    language: Language


@dataclass(frozen=True, slots=True)
class Caller:
    """The person behind a request, with the strongest of their roles."""

    person: Person
    role: Role

    @property
    def is_administrator(self) -> bool:
        """Whether the caller may manage connections and schedules."""
        return self.role is Role.ADMINISTRATOR

    @property
    def is_contributor(self) -> bool:
        """Whether the caller may manage exports (administrators may, too)."""
        return self.role in (Role.ADMINISTRATOR, Role.CONTRIBUTOR)
