"""Both ways of writing a profile, held against each other."""

from collections.abc import Sequence

from shared.arrow import TEXT, pa
from shared.destinations.contract import Encoder
from shared.domain.email import is_address, normal_form


def plain(encoder: Encoder, rows: Sequence[tuple[str, Sequence[str]]], width: int) -> list[bool]:
    """Say which rows (email, cells) were written as plain ones; each must be as `encode` writes it."""
    emails = pa.array([email for email, _ in rows], TEXT)
    columns = [pa.array([cells[at] for _, cells in rows], TEXT) for at in range(width)]
    addresses, texts, are_plain = encoder.encode_plain(emails, columns)
    written = zip(addresses.to_pylist(), texts.to_pylist(), are_plain.to_pylist(), strict=True)
    found: list[bool] = []
    for (email, cells), (address, text, is_plain) in zip(rows, written, strict=True):
        found.append(is_plain)
        if is_plain:
            assert address == normal_form(email)
            assert is_address(address)
            assert text.encode() == encoder.encode(address, cells)
    return found
