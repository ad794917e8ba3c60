"""What people may choose of a connection."""

from typing import Annotated

from pydantic import Field

from shared.domain.connection import SharedWith
from shared.records.chosen import Chosen, Id, Name

type Sharing = Annotated[SharedWith, Field(strict=False)]  # JSON has only its text


class NewConnection(Chosen, frozen=True):
    """A connection that somebody begins to set up."""

    destination: Id
    display_name: Name
    shared_with: Sharing = SharedWith.ADMINISTRATORS


class ConnectionChanges(Chosen, frozen=True):
    """What to change of a connection. Only members that are given count; no default is ever read."""

    display_name: Name = Field(default_factory=str)
    shared_with: Sharing = SharedWith.ADMINISTRATORS
