"""What must not leave a trace: everything secret or personal that the tests put into the system."""

import gzip
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient

from local.storage import CONTAINERS, TABLES

_SHORTEST = 20  # characters of a token or key
# Every address that local/sample_data.py or a walk makes, as it is, URL-encoded, or without its @.
ADDRESS = re.compile(
    r"profile\d+(?:@|%40|\.example)|owner\d@example|reader\d+\.\w\w(?:@|%40)", re.IGNORECASE
)


@dataclass
class Traces:
    """Secrets as they were seen on their way, and the problems that callers were told."""

    secrets: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    folders: set[Path] = field(default_factory=set)  # of logs

    def take_in(self, state: Path) -> None:
        """Search a stack's logs, too, and look for all that its vault and its sandbox keep secret."""
        self.folders.add(state / "logs")
        self.secrets |= tokens(state)
        for file in (state / "vault" / "secrets").glob("*.json"):
            kept = {each["value"] for each in json.loads(file.read_text())["versions"]}
            self.secrets |= kept.union(*map(_parts, kept))

    def left_by(self, state: Path) -> list[str]:
        """Take in a stack, and return a line for each thing that the logs so far give away."""
        self.take_in(state)
        return self.leaks(self.log_lines())

    def found(self, text: str) -> list[str]:
        """Return what a text gives away."""
        return [*(each for each in self.secrets if each in text), *ADDRESS.findall(text)]

    def leaks(self, texts: Iterable[tuple[str, str]]) -> list[str]:
        """Return a line for each of the named texts that gives something away."""
        return [f"{where}: {found}" for where, text in texts if (found := self.found(text))]

    def log_lines(self) -> Iterator[tuple[str, str]]:
        """Yield every line of every log, with its file and number."""
        for file in sorted(path for folder in self.folders for path in folder.glob("*.log")):
            with file.open(errors="replace") as lines:
                for number, line in enumerate(lines, 1):
                    yield f"{file.name}:{number}", line


def tokens(state: Path) -> set[str]:
    """Return every token that a stack's sandboxes have given out and keep."""
    mailchimp, constant_contact = (
        json.loads(file.read_text()) if file.exists() else {}
        for file in (state / name / "tokens.json" for name in ("mailchimp", "constant_contact"))
    )
    return {*mailchimp, *constant_contact.get("refresh", ())}


def _parts(secret: str) -> set[str]:
    """Return the tokens and keys within credentials as the vault keeps them."""
    if not secret.startswith("{"):
        return set()
    return {part for part in json.loads(secret).values() if len(part) >= _SHORTEST}


def table_entities(connection: str) -> Iterator[tuple[str, str]]:
    """Yield every entity of the product's tables as text, with its table and keys."""
    with TableServiceClient.from_connection_string(connection) as service:
        for table in TABLES:
            for entity in service.get_table_client(table).list_entities():
                where = f"{table}/{entity['PartitionKey']}/{entity['RowKey']}"
                yield where, " ".join(map(str, [where, *entity.values()]))


def blob_texts(connection: str) -> Iterator[tuple[str, str]]:
    """Yield every blob of the product's containers as text, unpacked, with its container and name."""
    with BlobServiceClient.from_connection_string(connection) as service:
        for name in CONTAINERS:
            container = service.get_container_client(name)
            for blob in container.list_blobs():
                data = container.download_blob(blob.name).readall()
                plain = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
                yield f"{name}/{blob.name}", plain.decode("utf-8", "replace")
