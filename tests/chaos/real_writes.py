"""What the vendors were sent, as their sandboxes have written it down: whatever the product says of it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.sandbox.activecampaign.state import Account as KeyAccount


@dataclass(frozen=True)
class Write:
    """A request that writes profiles: when it came (seconds since 1970), and the version each is of."""

    at: float
    versions: Mapping[str, int]  # by address
    body: str


def writes(file: Path, vendor: str, account: int, list_id: str) -> list[Write]:
    """Return the writes to a list, in the order in which they came."""
    host = KeyAccount(account).host
    to = {
        "mailchimp": f"/3.0/lists/{list_id}",
        "activecampaign": f"/{host}/api/3/import/bulk_import",
    }[vendor]
    found = []
    with file.open() as lines:
        for asked in map(json.loads, lines):
            if asked["method"] == "POST" and asked["path"].endswith(to):
                found.append(Write(asked["at"], dict(_versions(asked["body"])), asked["body"]))
    return found


def older_after_newer(writes: Sequence[Write]) -> list[str]:
    """Return the addresses that came of an older version after they had come of a newer one."""
    newest: dict[str, int] = {}
    found = []
    for write in writes:
        for address, version in write.versions.items():
            if version < newest.get(address, 0):
                found.append(address)
            else:
                newest[address] = version
    return found


def begun_between(writes: Sequence[Write], after: float, before: float) -> int:
    """Return how many batches came between two times for the first time.

    A batch that was begun before is finished, so it may come again.
    """
    begun = {write.body for write in writes if write.at < after}
    return len({write.body for write in writes if after <= write.at < before} - begun)


def _versions(body: str) -> Iterator[tuple[str, int]]:
    sent = json.loads(body)
    for one in sent.get("members", ()):
        yield one["email_address"], _version(one["merge_fields"]["LNAME"])
    for one in sent.get("contacts", ()):
        yield one["email"], _version(one["last_name"])


def _version(last_name: str) -> int:
    """Return the number of the version that gave somebody a last name; 0 for who is not on any list."""
    return int(last_name.rpartition(" v")[2]) if " v" in last_name else 0
