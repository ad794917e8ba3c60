"""Telling Azure's errors in the words of the ports."""

from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.exceptions import AzureError, HttpResponseError

from shared.storage.ports import AlreadyExists, Missing, Stale, Unavailable

_MEANING: dict[int | None, type[Exception]] = {404: Missing, 409: AlreadyExists, 412: Stale}

_NOT_SET_UP = {"TableNotFound", "ContainerNotFound", "QueueNotFound"}
"""Codes of a deployment that is not finished: a 404, but not of what was asked for."""


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


def _code(error: AzureError) -> str:
    """Return the service's own word for the error, or ours where there is none."""
    code = getattr(error, "error_code", None)  # which only the errors of the storage services have
    return str(getattr(code, "value", code) or type(error).__name__)
