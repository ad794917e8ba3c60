"""What must not leave a trace: everything secret or personal that the tests put into the system."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from azure.data.tables import TableServiceClient

from local.storage import TABLES

# Every address that local/profiles.py makes, as it is, URL-encoded, or without its @.
ADDRESS = re.compile(r"profile\d+(?:@|%40|\.example)|owner\d@example", re.IGNORECASE)


@dataclass
class Traces:
    """Secrets as they were seen on their way, and the problems that callers were told."""

    secrets: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    folders: set[Path] = field(default_factory=set)  # of logs

    def take_in(self, state: Path) -> None:
        """Search a stack's logs, too, and look for all that its vault and its sandbox keep secret."""
        self.folders.add(state / "logs")
        self.secrets |= json.loads((state / "mailchimp" / "tokens.json").read_text()).keys()
        for file in (state / "vault" / "secrets").glob("*.json"):
            self.secrets |= {each["value"] for each in json.loads(file.read_text())["versions"]}

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


def table_entities(connection: str) -> Iterator[tuple[str, str]]:
    """Yield every entity of the product's tables as text, with its table and keys."""
    with TableServiceClient.from_connection_string(connection) as service:
        for table in TABLES:
            for entity in service.get_table_client(table).list_entities():
                where = f"{table}/{entity['PartitionKey']}/{entity['RowKey']}"
                yield where, " ".join(map(str, [where, *entity.values()]))
