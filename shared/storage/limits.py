"""What the Azure services accept, checked before anything is sent, so that a mistake in the caller
shows as a ValueError that names it. Messages hold names and sizes, never values.

The numbers are Azure's published ones: "Understanding the table service data model", "Put message",
"Lease blob" and "Azure Key Vault service limits" on learn.microsoft.com.
"""

import re

RECORD_BYTES = 1_000_000
"""What we let a record's JSON take in UTF-16: an entity holds 1 MiB with its keys and names."""

LEASE_SECONDS = 60
"""How long a lease lasts; Azure allows 15 to 60."""

MESSAGE_BYTES = 48 * 1024
"""What a queue message holds once it is base64 text of at most 64 KiB."""

DELAY_SECONDS = 7 * 24 * 3600
"""The longest time that a message may stay invisible."""

SECRET_BYTES = 25 * 1024

_TABLE_KEY = re.compile(r"[^/\\#?\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]{1,512}")
_BLOB_NAME = re.compile(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]{0,1024}")
_SECRET_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")


def is_table_key(*texts: str) -> bool:
    """Say whether each can be a partition or a key of a table."""
    return all(_TABLE_KEY.fullmatch(text) for text in texts)


def check_table_key(*texts: str) -> None:
    """Raise ValueError unless each can be a partition or a key."""
    for text in texts:
        if not is_table_key(text):
            raise ValueError(f"no table can hold the key {text!r}")


def may_begin_blob(prefix: str) -> bool:
    """Say whether blobs that begin so can be listed.

    Not by characters that XML has not, in which listings are written: the service would answer 4xx or 5xx.
    """
    return _BLOB_NAME.fullmatch(prefix) is not None


def check_record(body: str) -> None:
    """Raise ValueError when the JSON of a record is too long for a table."""
    if (size := len(body.encode("utf-16-le"))) > RECORD_BYTES:
        raise ValueError(f"a record of {size} bytes; a table takes {RECORD_BYTES}")


def check_message(text: str) -> None:
    """Raise ValueError when a message is too long for a queue."""
    if (size := len(text.encode())) > MESSAGE_BYTES:
        raise ValueError(f"a message of {size} bytes; a queue takes {MESSAGE_BYTES}")


def check_delay(seconds: float) -> None:
    """Raise ValueError when a message cannot be delayed by so many seconds."""
    if not 0 <= seconds <= DELAY_SECONDS:
        raise ValueError(f"a delay of {seconds} s; a queue takes 0 to {DELAY_SECONDS}")


def check_secret(name: str, value: str) -> None:
    """Raise ValueError when the vault would not take the name or so long a value."""
    if not _SECRET_NAME.fullmatch(name):
        raise ValueError(f"no vault can hold the name {name!r}")
    if (size := len(value.encode())) > SECRET_BYTES:
        raise ValueError(f"the secret {name} has {size} bytes; a vault takes {SECRET_BYTES}")
