"""What the destinations' files share in reading answers."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.domain.errors import TryLater


@contextmanager
def making_sense(who: str) -> Iterator[None]:
    """Turn what goes wrong while an answer of `who` is taken apart into TryLater."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise TryLater(f"{who} gave an answer that makes no sense.") from None
