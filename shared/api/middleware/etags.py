"""Writes and reads ETags (RFC 9110): the stored version that an answer tells of, and a digest of the answer.

`"<version>.<digest>"`. A change is tied to the version, which others' changes replace; what a caller has kept
of an answer is as good as a new one while both are the same. Callers take neither part for anything.
"""

import hashlib
import re
from collections.abc import Collection, Iterator

_TAG = re.compile(r'(W/)?"([!#-~]{0,100})"')
_ANY = "*"
_DIGEST = 16  # hex digits; two answers of one version are hardly ever more than a few


def tag_of(version: str, answer: bytes | None = None) -> str:
    """Return the ETag of a version, and of an answer that tells of it."""
    if answer is None:
        return f'"{version}"'
    return f'"{version}.{hashlib.sha256(answer).hexdigest()[:_DIGEST]}"'


def with_answer(tag: str, answer: bytes) -> str:
    """Return the ETag of a version with the digest of the answer that has it."""
    return tag_of(tag.strip('"'), answer)


def versions_in(if_match: str) -> Collection[str] | None:
    """Return the versions that `If-Match` names, None for any. Weak ETags name none there."""
    if if_match.strip() == _ANY:
        return None
    return {opaque.partition(".")[0] for is_weak, opaque in _tags(if_match) if not is_weak}


def is_among(tag: str, if_none_match: str) -> bool:
    """Say whether `If-None-Match` names an ETag, weakly or not, or any."""
    opaque = {each for _, each in _tags(if_none_match)}
    return if_none_match.strip() == _ANY or tag.strip('"') in opaque


def _tags(header: str) -> Iterator[tuple[bool, str]]:
    for each in header.split(","):  # no ETag of ours has a comma
        found = _TAG.fullmatch(each.strip())
        if found:
            yield bool(found[1]), found[2]
