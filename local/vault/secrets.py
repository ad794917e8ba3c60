"""Keeps the secrets of the vault: versions, soft delete, and their files."""

import json
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

MAXIMUM_BYTES = 25 * 1024
_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")


class RefusedError(Exception):
    """An answer that is not a success, in Key Vault's words."""

    def __init__(self, status: int, code: str, message: str, inner: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.inner = status, code, message, inner


@dataclass
class Version:
    """One value of a secret; times in epoch seconds."""

    id: str
    value: str
    created: int
    updated: int
    content_type: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    enabled: bool = True
    not_before: int | None = None
    expires: int | None = None

    def change(self, request: Mapping[str, Any]) -> None:
        """Take over what a set or update request says beside the value."""
        attributes = request.get("attributes") or {}
        self.enabled = attributes.get("enabled", self.enabled)
        self.not_before = attributes.get("nbf", self.not_before)
        self.expires = attributes.get("exp", self.expires)
        self.content_type = request.get("contentType", self.content_type)
        self.tags = request.get("tags") or self.tags


@dataclass
class Secret:
    """A name, its versions from the oldest on, and when it was deleted, if it was."""

    name: str
    versions: list[Version]
    deleted: int | None = None


class Secrets:
    """All secrets of the vault, each in a file of its own that only the owner can read."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._folder, self._clock = folder, clock
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._secrets = {path.stem: _read(path) for path in sorted(folder.glob("*.json"))}

    def set(self, name: str, request: Mapping[str, Any]) -> tuple[Secret, Version]:
        """Add a version, the secret too if it is new. Raises RefusedError."""
        value = request.get("value")
        if not _NAME.fullmatch(name):
            raise _bad("The request URI contains an invalid name: " + name)
        if not isinstance(value, str):
            raise _bad("Property value is required.")
        if len(value.encode()) > MAXIMUM_BYTES:
            raise _bad(f"Secret value exceeds the maximum of {MAXIMUM_BYTES} bytes.")
        secret = self._secrets.get(name.lower()) or Secret(name, [])
        if secret.deleted is not None:
            raise RefusedError(
                409,
                "Conflict",
                f"Secret {name} is currently in a deleted but recoverable state, and its name "
                "cannot be reused; in this state, the secret can only be recovered or purged.",
                "ObjectIsDeletedButRecoverable",
            )
        now = int(self._clock())
        version = Version(uuid.uuid4().hex, value, now, now)
        version.change(request)
        secret.versions.append(version)
        self._write(secret)
        return secret, version

    def get(self, name: str, version: str | None = None) -> tuple[Secret, Version]:
        """The latest version, or one by its id. Raises RefusedError."""
        secret, found = self._find(name, version)
        if not found.enabled:
            message = "Operation get is not allowed on a disabled secret."
            raise RefusedError(403, "Forbidden", message, "SecretDisabled")
        return secret, found

    def update(
        self, name: str, version: str | None, request: Mapping[str, Any]
    ) -> tuple[Secret, Version]:
        """Change a version's attributes, content type or tags, never its value."""
        secret, found = self._find(name, version)
        found.change(request)
        found.updated = int(self._clock())
        self._write(secret)
        return secret, found

    def live(self, name: str | None = None) -> Iterator[Secret]:
        """Secrets that are not deleted; all, or the one of that name."""
        if name is not None:
            yield self._find(name, None)[0]
            return
        yield from (secret for secret in self._secrets.values() if secret.deleted is None)

    def deleted(self) -> Iterator[Secret]:
        """Secrets that can be recovered or purged."""
        return (secret for secret in self._secrets.values() if secret.deleted is not None)

    def get_deleted(self, name: str) -> Secret:
        """One deleted secret. Raises RefusedError."""
        secret = self._secrets.get(name.lower())
        if secret is None or secret.deleted is None:
            raise RefusedError(404, "SecretNotFound", f"Deleted Secret not found: {name}")
        return secret

    def delete(self, name: str) -> Secret:
        """Delete softly: the name stays taken. Raises RefusedError."""
        secret, _ = self._find(name, None)
        secret.deleted = int(self._clock())
        self._write(secret)
        return secret

    def recover(self, name: str) -> tuple[Secret, Version]:
        """Undo a deletion. Raises RefusedError."""
        secret = self.get_deleted(name)
        secret.deleted = None
        self._write(secret)
        return secret, secret.versions[-1]

    def purge(self, name: str) -> None:
        """Forget a deleted secret for good. Raises RefusedError."""
        self.get_deleted(name)
        del self._secrets[name.lower()]
        self._path(name).unlink()

    def _find(self, name: str, version: str | None) -> tuple[Secret, Version]:
        secret = self._secrets.get(name.lower())
        if secret and secret.deleted is None:
            for candidate in reversed(secret.versions):
                if version in (None, candidate.id):
                    return secret, candidate
        raise RefusedError(
            404,
            "SecretNotFound",
            f"A secret with (name/id) {'/'.join(filter(None, (name, version)))} was not found in "
            "this key vault. If you recently deleted this secret you may be able to recover it "
            "using the correct recovery command.",
        )

    def _path(self, name: str) -> Path:
        return self._folder / f"{name.lower()}.json"

    def _write(self, secret: Secret) -> None:
        path = self._path(secret.name)
        draft = path.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(asdict(secret)))
        draft.replace(path)
        self._secrets[secret.name.lower()] = secret


def _read(path: Path) -> Secret:
    stored = json.loads(path.read_text())
    return Secret(**{**stored, "versions": [Version(**one) for one in stored["versions"]]})


def _bad(message: str) -> RefusedError:
    return RefusedError(400, "BadParameter", message)
