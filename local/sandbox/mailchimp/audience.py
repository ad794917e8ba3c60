"""Keeps an audience and its members, compact enough for a million of them (some 400 bytes each)."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from local.sandbox.kit.state import packed
from local.sandbox.mailchimp.fields import (
    MergeField,
    RefusedError,
    checked_email,
    forgotten,
    in_compliance_state,
)

WRITABLE = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional")


def digest_of(email: str) -> bytes:
    """Mailchimp's id of a member: MD5 of the address in lower case."""
    return hashlib.md5(email.lower().encode(), usedforsecurity=False).digest()


@dataclass(slots=True)
class Member:
    """One contact.

    Beside the statuses of the API it may be `compliance` (shown as unsubscribed: only the person
    can come back) or `forgotten` (not shown at all).
    """

    email: str
    status: str
    merge_fields: bytes  # JSON object of the tags that have a value
    changed: int  # epoch seconds
    tags: tuple[str, ...] = ()
    writes: int = 0

    @property
    def shown_status(self) -> str:
        """The status the API tells."""
        return "unsubscribed" if self.status == "compliance" else self.status


@dataclass(frozen=True)
class Options:
    """How a call writes its members."""

    update_existing: bool = False
    sync_tags: bool = False
    skip_merge_validation: bool = False


@dataclass
class Audience:
    """A Mailchimp list, and counts of what it was sent since they were reset."""

    id: str
    name: str
    double_optin: bool
    merge_fields: dict[str, MergeField]
    members: dict[bytes, Member] = field(default_factory=dict)
    received: int = 0
    repeated: int = 0  # received for an address that had been received before
    refused: Counter[bytes] = field(default_factory=Counter)

    def find(self, name: str) -> tuple[bytes, Member] | None:
        """The member by MD5 or address."""
        try:
            digest = digest_of(name) if "@" in name else bytes.fromhex(name)
        except ValueError:
            return None
        member = self.members.get(digest)
        return (digest, member) if member and member.status != "forgotten" else None

    def write(
        self, request: Mapping[str, Any], options: Options, now: float
    ) -> tuple[bytes, Member, bool]:
        """Create or update one member; returns its digest, it, and whether it is new.

        Raises RefusedError.
        """
        self.received += 1
        digest = digest_of(str(request.get("email_address") or "").strip())
        existing = self.members.get(digest)
        if digest in self.refused or (existing and existing.writes):
            self.repeated += 1
        try:
            email = checked_email(request.get("email_address"))
            member = self._written(existing, email, request, options, int(now))
        except RefusedError:
            self.refused[digest] += 1
            raise
        self.members[digest] = member
        return digest, member, existing is None

    def _written(
        self,
        existing: Member | None,
        email: str,
        request: Mapping[str, Any],
        options: Options,
        now: int,
    ) -> Member:
        if existing:
            _check_allowed(existing, request, options)
        status = request.get("status")
        # Our guess: an archived contact comes back as if it were new.
        if not status and (existing is None or existing.status == "archived"):
            status = request.get("status_if_new")
            if not status:
                message = "A new contact needs a status."
                raise RefusedError(message, field="status", field_message=message)
        given = self._cleaned(request.get("merge_fields") or {})
        tags = tuple(dict.fromkeys(map(str, request.get("tags") or ())))
        if existing is None:
            self._check_required(given, options)
            return Member(email, str(status), packed(given), now, tags, 1)
        merged = {**orjson.loads(existing.merge_fields), **given}
        self._check_required(merged, options)
        existing.merge_fields = packed(merged)
        existing.email, existing.changed = email, now
        existing.status = status or existing.status
        existing.tags = tags if options.sync_tags else tuple(dict.fromkeys(existing.tags + tags))
        existing.writes += 1
        return existing

    def _cleaned(self, given: Mapping[str, Any]) -> dict[str, Any]:
        fields = self.merge_fields
        # Our guess: tags the audience does not have are ignored.
        return {tag: fields[tag].clean(value) for tag, value in given.items() if tag in fields}

    def _check_required(self, values: Mapping[str, Any], options: Options) -> None:
        if options.skip_merge_validation:
            return
        for merge_field in self.merge_fields.values():
            if merge_field.required and not values.get(merge_field.tag):
                raise merge_field.refused("Please enter a value")

    def forget_counts(self) -> None:
        """Start counting anew; the members stay."""
        self.received = self.repeated = 0
        self.refused.clear()
        for member in self.members.values():
            member.writes = 0


def _check_allowed(existing: Member, request: Mapping[str, Any], options: Options) -> None:
    if existing.status == "forgotten":
        raise forgotten(existing.email)
    # Our guess, on the strict side: such a contact is refused even if no status is asked for.
    if existing.status == "compliance":
        raise in_compliance_state(existing.email)
    if existing.status == "cleaned" and request.get("status") == "subscribed":
        raise in_compliance_state(existing.email)
    if not options.update_existing and existing.status != "archived":
        raise RefusedError(
            f"{existing.email} is already a list member, do you want to update? please provide "
            "update_existing:true in the request body",
            title="Member Exists",
            code="ERROR_CONTACT_EXISTS",
        )
