"""The 256 partitions into which profiles are sorted, by address and in every run alike."""

from zlib import crc32

PARTITIONS = 256


def partition_of(address: bytes) -> int:
    """Return the partition of an address."""
    return crc32(address) % PARTITIONS
