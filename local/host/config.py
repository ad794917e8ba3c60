"""Reads host.json, as far as this host obeys it.

The names and defaults are those of learn.microsoft.com/azure/azure-functions/functions-host-json
and of the storage extension's option classes.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_OVERRIDES = "AzureFunctionsJobHost__"

# Well known, as the storage emulator's is: the host binds to the loopback interface only.
MASTER_KEY = "local-master-key"  # opens /admin, every function and every webhook
SYSTEM_KEY = "local-system-key"  # opens the webhooks
FUNCTION_KEY = "local-function-key"  # opens functions of level "function"


class ConfigError(Exception):
    """host.json says something that the Azure host would refuse."""


@dataclass(frozen=True)
class Queues:
    """`extensions.queues`; times in seconds."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    max_polling_interval: float = 60
    visibility_timeout: float = 0
    base64: bool = True


@dataclass(frozen=True)
class Blobs:
    """`extensions.blobs`."""

    max_degree_of_parallelism: int
    poison_blob_threshold: int = 5


@dataclass(frozen=True)
class HostConfig:
    """What host.json decides."""

    route_prefix: str
    queues: Queues
    blobs: Blobs


def read(path: Path, environ: Mapping[str, str]) -> HostConfig:
    """Read host.json, and the settings that override it: AzureFunctionsJobHost__path__to__value.

    Raises ConfigError when it is missing, not JSON, or out of the ranges Azure allows.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error
    if document.get("version") != "2.0":
        raise ConfigError(f'{path}: "version" must be "2.0"')
    for name, text in environ.items():
        if name.startswith(_OVERRIDES):
            _override(document, name.removeprefix(_OVERRIDES).split("__"), text)
    extensions = document.get("extensions", {})
    return HostConfig(
        route_prefix=extensions.get("http", {}).get("routePrefix", "api").strip("/"),
        queues=_queues(extensions.get("queues", {})),
        blobs=_blobs(extensions.get("blobs", {})),
    )


def _override(document: dict[str, Any], path: Sequence[str], text: str) -> None:
    """Put a value into its place; all of those read here are numbers or texts."""
    *sections, name = path
    for section in sections:
        document = document.setdefault(section, {})
    document[name] = int(text) if text.isdecimal() else text


def _queues(section: dict[str, Any]) -> Queues:
    batch = section.get("batchSize", 16)
    if not 1 <= batch <= 32:  # what one receive of the service allows
        raise ConfigError(f"queues.batchSize must be 1 to 32, not {batch}")
    encoding = section.get("messageEncoding", "base64")
    if encoding not in {"base64", "none"}:
        raise ConfigError(f"queues.messageEncoding must be base64 or none, not {encoding}")
    return Queues(
        batch_size=batch,
        new_batch_threshold=section.get("newBatchThreshold", batch // 2),
        max_dequeue_count=section.get("maxDequeueCount", 5),
        max_polling_interval=seconds(section.get("maxPollingInterval", "00:01:00")),
        visibility_timeout=seconds(section.get("visibilityTimeout", "00:00:00")),
        base64=encoding == "base64",
    )


def _blobs(section: dict[str, Any]) -> Blobs:
    return Blobs(
        max_degree_of_parallelism=section.get("maxDegreeOfParallelism", 8 * (os.cpu_count() or 1)),
        poison_blob_threshold=section.get("poisonBlobThreshold", 5),
    )


def seconds(span: str) -> float:
    """Read a time span, `hh:mm:ss` with an optional fraction.

    Raises ConfigError for any other text.
    """
    try:
        hours, minutes, rest = span.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(rest)
    except ValueError as error:
        raise ConfigError(f"{span!r} is not a time span like 00:00:30") from error
