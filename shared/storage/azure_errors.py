"""Telling Azure's errors in the words of the ports."""

from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.exceptions import AzureError, HttpResponseError

from shared.storage.ports import AlreadyExists, Missing, Stale, Unavailable, Withheld

_MEANING: dict[int | None, type[Exception]] = {404: Missing, 409: AlreadyExists, 412: Stale}

_NOT_SET_UP = {"TableNotFound", "ContainerNotFound", "QueueNotFound"}
"""Codes of a deployment that is not finished: a 404, but not of what was asked for."""

_OF_OTHERS = {401, 403, 404, 408, 429}
"""What says nothing of a blob: a role that is not assigned yet, a blob that is gone, too many requests."""


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Raise AlreadyExists, Stale, Missing or Unavailable, with `name`, for what Azure raised.

    Unavailable is everything else, after the SDK's own retries: no answer, 5xx, 429, and also a
    refused credential, since a role that was just assigned takes minutes to work.
    """
    try:
        yield
    except AzureError as error:
        status = error.status_code if isinstance(error, HttpResponseError) else None
        code = _code(error)
        meaning = Unavailable if code in _NOT_SET_UP else _MEANING.get(status, Unavailable)
        raise meaning(f"{name}: {status or 'no answer'} {code}") from error


@contextmanager
def translated_read(name: str) -> Iterator[None]:
    """Do the same for a request that reads a blob; raise Withheld where that will be refused again.

    A read finds nothing that is there already, so a conflict is about the blob: its tier, its lease, its
    key. Of what a read is refused for, only the condition on the ETag says that the blob has changed.
    """
    try:
        with translated(name):
            yield
    except (AlreadyExists, Stale, Unavailable) as error:
        cause = error.__cause__
        status = cause.status_code if isinstance(cause, HttpResponseError) else None
        code = _code(cause) if isinstance(cause, AzureError) else ""
        if status == 412 and code == "ConditionNotMet":
            raise
        if status is None or not 400 <= status < 500 or status in _OF_OTHERS:
            raise
        raise Withheld(name, code) from cause


def _code(error: AzureError) -> str:
    """Return the service's own word for the error, or ours where there is none."""
    code = getattr(error, "error_code", None)  # which only the errors of the storage services have
    return str(getattr(code, "value", code) or type(error).__name__)
