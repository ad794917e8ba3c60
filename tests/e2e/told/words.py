"""What one language has for each turn of a walk."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """Titles by kind of problem, sentences by turn; both as a reader sees them.

    `{destination}`, `{connection}`, `{export}`, `{segment}`, `{columns}` and `{list_help}` are filled in.
    """

    titles: Mapping[str, str]
    see_errors: str  # the detail of a problem whose `errors` say the rest
    details: Mapping[str, str]  # of problems
    sentences: Mapping[str, tuple[str, ...]]  # that are no problems
    list_help: Mapping[str, str]  # by destination: what the id of a list looks like
