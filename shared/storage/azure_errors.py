"""Azure's errors, told in the words of the ports."""

from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)

from shared.storage.ports import AlreadyExists, Missing, Stale, Unavailable

_NOT_SET_UP = {"TableNotFound", "ContainerNotFound", "QueueNotFound"}
"""Error codes of a deployment that is not finished: 404, but not of the thing that was asked for."""


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Raise AlreadyExists, Stale, Missing or Unavailable, with `name`, for what Azure raised.

    Unavailable is everything else, after the SDK's own retries: no answer, 5xx, 429, and also a
    refused credential, since role assignments take minutes to work.
    """
    try:
        yield
    except AzureError as error:
        raise _translation(name, error) from error


def _translation(name: str, error: AzureError) -> Exception:
    code = getattr(error, "error_code", None)  # only errors of the storage services carry one
    reason = f"{name}: {_status(error)} {getattr(code, 'value', code) or type(error).__name__}"
    if code in _NOT_SET_UP:
        return Unavailable(reason)
    match error:
        case ResourceExistsError():
            return AlreadyExists(reason)
        case ResourceModifiedError():
            return Stale(reason)
        case ResourceNotFoundError():
            return Missing(reason)
    return Unavailable(reason)


def _status(error: AzureError) -> str:
    status = error.status_code if isinstance(error, HttpResponseError) else None
    return str(status or "no answer")
