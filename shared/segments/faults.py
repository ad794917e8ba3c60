"""Tells what goes wrong while a file is read as what is wrong with its segment, and with no other."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from shared.domain.errors import BadSegment, OutOfReach
from shared.domain.message import Message, say
from shared.segments.formats.rows import ReadAnew
from shared.segments.versions import archived
from shared.storage.ports import Missing, Stale, Unavailable, Withheld
from shared.telemetry.logs import what_failed

log = logging.getLogger(__name__)

_ARCHIVE = {"BlobArchived", "BlobBeingRehydrated"}


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Raise BadSegment for whatever is raised while a file is read; ReadAnew is no error.

    It is OutOfReach where storage does not give out the file, now or at all.
    """
    try:
        yield
    except (BadSegment, ReadAnew):
        raise
    except (Missing, Stale):
        raise replaced(path) from None
    except Withheld as error:
        raise OutOfReach(_withheld(path, error.code), passes=False) from error
    except Unavailable as error:
        raise OutOfReach(
            say("{path} cannot be read now: storage does not answer.", path=path), passes=True
        ) from error
    except Exception as error:  # whatever a library trips over in a file of anybody
        log.error("a file could not be read: %s", what_failed(error))  # noqa: TRY400 # no cell into the log
        raise BadSegment(
            say(
                "{path} cannot be read: the file is damaged, or holds what is not expected ({error}). "
                "Write it again, or in another form.",
                path=path,
                error=type(error).__name__,
            )
        ) from error


def replaced(path: str) -> BadSegment:
    """Return what to say of a file that is no longer the version it was."""
    return BadSegment(
        say(
            "{path} was replaced or removed while it was read. Nothing was sent; the next run "
            "takes the file that is there then.",
            path=path,
        )
    )


class NoFile(BadSegment):
    """A segment has no file at all."""

    def __init__(self, segment: str) -> None:
        super().__init__(
            say(
                "The segment {segment} has no file. Drop one at segments/{segment}/.",
                segment=segment,
            )
        )


def _withheld(path: str, code: str) -> Message:
    if code in _ARCHIVE:
        return archived(path)
    return say(
        "Storage does not give out {path} ({code}). Add the file again, or see to it that the app may read "
        "it.",
        path=path,
        code=code,
    )
