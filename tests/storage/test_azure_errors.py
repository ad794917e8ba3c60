"""What Azure raises while a blob is read, in the words of the ports."""

import pytest
from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError

from shared.storage.azure_errors import translated_read
from shared.storage.ports import Missing, Stale, Unavailable, Withheld


def answer(status: int, code: str) -> HttpResponseError:
    error = HttpResponseError("planted")
    error.status_code = status
    error.error_code = code  # type: ignore[attr-defined] # as the storage SDK does
    return error


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "InvalidInput"),
        (409, "BlobArchived"),
        (409, "BlobBeingRehydrated"),
        (409, "BlobUsesCustomerSpecifiedEncryption"),
        (409, "LeaseIdMismatchWithBlobOperation"),
        (412, "LeaseIdMissing"),
        (412, "LeaseLost"),
        (416, "InvalidRange"),
    ],
)
def test_what_will_be_refused_again_is_withheld(status: int, code: str) -> None:
    with pytest.raises(Withheld) as caught, translated_read("segments/a"):
        raise answer(status, code)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (answer(404, "BlobNotFound"), Missing),
        (answer(404, "ContainerNotFound"), Unavailable),
        (answer(412, "ConditionNotMet"), Stale),
        (answer(403, "AuthorizationPermissionMismatch"), Unavailable),
        (answer(429, "TooManyRequests"), Unavailable),
        (answer(500, "InternalError"), Unavailable),
        (answer(503, "ServerBusy"), Unavailable),
        (ServiceRequestError("no answer"), Unavailable),
    ],
)
def test_what_says_nothing_of_the_blob_keeps_its_meaning(
    error: AzureError, meaning: type[Exception]
) -> None:
    with pytest.raises(meaning), translated_read("segments/a"):
        raise error
