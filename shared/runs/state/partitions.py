"""The 256 partitions into which profiles are sorted: one follows from the address alone, in every run."""

from zlib import crc32

PARTITIONS = 256


def partition_of(address: bytes) -> int:
    """Return the partition of an address."""
    return crc32(address) % PARTITIONS
