"""What the API is for, in a few lines: connections, exports, and who may do what with them.

Each method is one operation: it changes the model and returns the status of the answer, or raises
Refused. It knows nothing of storage, of HTTP or of the product's code.
"""

from dataclasses import dataclass, field

LISTS = {"us1-1": {"a1", "a2"}, "us1-2": {"b1"}, "1": {"news"}}
"""The lists of each account: two of Mailchimp and the one of Postbox."""


@dataclass(frozen=True)
class User:
    """Somebody who calls the API."""

    name: str
    role: str

    @property
    def is_administrator(self) -> bool:
        """Whether connections are theirs to manage."""
        return self.role == "administrator"

    @property
    def is_contributor(self) -> bool:
        """Whether exports are theirs to manage."""
        return self.role != "viewer"


class Refused(Exception):
    """The operation is refused with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass
class Connection:
    """A connection as the model knows it."""

    destination: str
    shared: bool
    status: str = "draft"
    agreed: bool = False
    account: str | None = None
    is_linked: bool = False
    works: bool = False  # whether the destination lets us in
    export_user: str | None = None

    def is_usable_by(self, who: User) -> bool:
        """Say whether somebody may put exports on it."""
        shared = self.shared and self.status != "draft"
        return who.is_administrator or (who.is_contributor and shared)

    def connect(self, account: str) -> None:
        """Let us into an account."""
        self.account, self.works = account, True
        self.mend()

    def mend(self) -> None:
        """Be ready again."""
        if self.status == "needs_sign_in":
            self.status = "ready"


@dataclass
class Export:
    """An export as the model knows it; `runs` are the statuses of its runs, the newest last."""

    destination: str
    connection: str | None
    list_id: str
    follows: str = "system"
    runs: list[str] = field(default_factory=list)

    @property
    def is_running(self) -> bool:
        """Whether a run is not over."""
        return "queued" in self.runs


@dataclass
class Model:
    """All there is."""

    connections: dict[str, Connection] = field(default_factory=dict)
    exports: dict[str, Export] = field(default_factory=dict)
    times: list[str] = field(default_factory=list)  # of the refresh schedule
    key_is_right: bool = True  # whether Postbox takes the key that everybody has

    # Connections

    def begin(self, who: User) -> int:
        """Begin a connection."""
        _require(who.is_administrator)
        return 201

    def give_consent(self, who: User, key: str, stale: bool) -> int:
        """Accept the terms."""
        self._to_manage(who, key, stale).agreed = True
        return 200

    def begin_sign_in(self, who: User, key: str, stale: bool) -> int:
        """Ask for the page to sign in on."""
        connection = self._to_manage(who, key, stale)
        _require(connection.agreed, 409)
        _require(connection.destination == "mailchimp", 422)
        return 200

    def finish_sign_in(self, key: str, account: str, allow_other: bool) -> int:
        """Come back from the page."""
        self._require_same_account(key, account, allow_other)
        self.connections[key].connect(account)
        return 303

    def connect_with_key(
        self, who: User, key: str, stale: bool, is_right: bool, is_linked: bool
    ) -> int:
        """Connect with a key, or with a secret of the linked vault that holds it."""
        connection = self._to_manage(who, key, stale)
        _require(connection.agreed, 409)
        _require(connection.destination == "postbox", 422)
        _require(is_linked or not connection.is_linked, 409)
        _require(is_right and self.key_is_right, 422)
        connection.connect("1")
        connection.is_linked = is_linked
        return 200

    def add_export_user(self, who: User, key: str, stale: bool) -> int:
        """Record who exports."""
        self._to_manage(who, key, stale).export_user = who.name
        return 200

    def save(self, who: User, key: str, stale: bool) -> int:
        """Complete a draft."""
        connection = self._to_manage(who, key, stale)
        done = connection.agreed and connection.account and connection.export_user
        _require(bool(done), 409)
        if connection.status == "draft":
            connection.status = "ready"
        return 200

    def check(self, who: User, key: str, stale: bool) -> int:
        """Prove that it works."""
        connection = self._to_manage(who, key, stale)
        _require(connection.account is not None, 409)
        if self._ask(connection):
            connection.mend()
        return 200

    def share(self, who: User, key: str, stale: bool, shared: bool) -> int:
        """Share a connection with contributors, or with them no longer."""
        self._to_manage(who, key, stale).shared = shared
        return 200

    def remove_connection(self, who: User, key: str, stale: bool) -> int:
        """Remove a connection that no export uses."""
        self._to_manage(who, key, stale)
        _require(not self._exports_on(key), 409)
        del self.connections[key]
        return 204

    def see_connection(self, who: User, key: str, _: bool) -> int:
        """Read a connection."""
        _require(who.is_contributor)
        _require(key in self.connections and self.connections[key].is_usable_by(who), 404)
        return 200

    def see_lists(self, who: User, key: str, _: bool) -> int:
        """Read the lists of a connection's account."""
        self.see_connection(who, key, False)
        connection = self.connections[key]
        _require(connection.account is not None and self._ask(connection), 409)
        return 200

    def revoke(self) -> None:
        """Mailchimp forgets whom it let in."""
        for each in self.connections.values():
            each.works = each.works and each.destination != "mailchimp"

    def change_key(self, is_right: bool) -> None:
        """Postbox takes another key from now on, or again the one that everybody has."""
        self.key_is_right = is_right
        for each in self.connections.values():
            if each.destination == "postbox" and each.account:
                each.works = is_right

    # Exports

    def create_export(self, who: User, connection: str, list_id: str) -> int:
        """Create an export."""
        _require(who.is_contributor)
        self._require_list(self._usable(who, connection), list_id)
        return 201

    def rename(self, who: User, key: str, stale: bool) -> int:
        """Change what no run depends on."""
        self._to_edit(who, key, stale)
        return 200

    def aim(self, who: User, key: str, stale: bool, list_id: str) -> int:
        """Send to another list."""
        export = self._to_edit(who, key, stale)
        if export.list_id != list_id:
            _require(export.connection is not None, 409)
            self._require_list(self._usable(who, str(export.connection)), list_id)
            _require(not export.is_running, 409)
            export.list_id = list_id
        return 200

    def copy(self, who: User, key: str, _: bool) -> int:
        """Copy an export."""
        self._to_edit(who, key, False)
        return 201

    def detach(self, who: User, key: str, stale: bool) -> int:
        """Take the connection away."""
        export = self._to_edit(who, key, stale)
        _require(export.connection is not None and not export.is_running, 409)
        export.connection = None
        return 200

    def attach(self, who: User, key: str, stale: bool, connection: str, list_id: str) -> int:
        """Put a detached export on a connection to the same destination."""
        export = self._to_edit(who, key, stale)
        _require(export.connection is None, 409)
        other = self._usable(who, connection)
        _require(other.destination == export.destination, 422)
        self._require_list(other, list_id)
        export.connection, export.list_id = connection, list_id
        return 200

    def schedule(self, who: User, key: str, stale: bool, follows: str) -> int:
        """Say what decides when it is due."""
        self._to_edit(who, key, stale).follows = follows
        return 200

    def run(self, who: User, key: str, _: bool) -> int:
        """Run it now."""
        export = self._to_edit(who, key, False)
        _require(export.connection is not None, 409)
        export.runs.append(self._first_status(export))
        return 202

    def remove_export(self, who: User, key: str, stale: bool) -> int:
        """Remove an export."""
        self._to_edit(who, key, stale)
        del self.exports[key]
        return 204

    def end_runs(self) -> None:
        """Time goes by until every run is over."""
        for export in self.exports.values():
            export.runs = ["successful" if run == "queued" else run for run in export.runs]

    # All at once

    def run_all(self, who: User) -> set[str]:
        """Run every export with an active schedule that somebody may edit; return which."""
        begun = {
            key
            for key, each in self.exports.items()
            if self.can_edit(who, each) and self.idle(each) is None and each.follows != "off"
        }
        for key in begun:
            self.exports[key].runs.append("queued")
        return begun

    def schedule_all(self, who: User, follows: str, override: bool) -> set[str]:
        """Give a schedule to all exports that somebody may edit; return which have it now."""
        changed = {
            key
            for key, each in self.exports.items()
            if self.can_edit(who, each) and (override or each.follows == "system")
        }
        for key in changed:
            self.exports[key].follows = follows
        return changed

    def set_refresh(self, who: User, times: list[str]) -> int:
        """Set the refresh schedule."""
        _require(who.is_administrator)
        self.times = times
        return 200

    # What is asked of the model by itself

    def can_edit(self, who: User, export: Export) -> bool:
        """Say whether an export is somebody's to manage."""
        if export.connection is None:
            return who.is_contributor
        return self.connections[export.connection].is_usable_by(who)

    def idle(self, export: Export) -> str | None:
        """Return why nothing runs an export."""
        if export.connection is None:
            return "detached"
        status = self.connections[export.connection].status
        return None if status == "ready" else status

    def _to_manage(self, who: User, key: str, stale: bool) -> Connection:
        _require(who.is_administrator)
        _require(key in self.connections, 404)
        _require(not stale, 412)
        return self.connections[key]

    def _to_edit(self, who: User, key: str, stale: bool) -> Export:
        _require(who.is_contributor)
        _require(key in self.exports, 404)
        _require(not stale, 412)
        _require(self.can_edit(who, self.exports[key]))
        return self.exports[key]

    def _usable(self, who: User, key: str) -> Connection:
        _require(key in self.connections and self.connections[key].is_usable_by(who), 422)
        _require(self.connections[key].status == "ready", 409)
        return self.connections[key]

    def _require_list(self, connection: Connection, list_id: str) -> None:
        _require(self._ask(connection), 409)
        _require(list_id in LISTS[str(connection.account)], 422)

    def _require_same_account(self, key: str, account: str, allow_other: bool) -> None:
        same = self.connections[key].account in (None, account)
        _require(same or (allow_other and not self._exports_on(key)), 409)

    def _ask(self, connection: Connection) -> bool:
        """Ask the destination something, which shows whether it still lets us in."""
        if not connection.works and connection.status == "ready":
            connection.status = "needs_sign_in"
        return connection.works

    def _exports_on(self, key: str) -> list[Export]:
        return [each for each in self.exports.values() if each.connection == key]

    def _first_status(self, export: Export) -> str:
        return "skipped" if self.idle(export) == "needs_sign_in" else "queued"


def _require(fact: bool, otherwise: int = 403) -> None:
    if not fact:
        raise Refused(otherwise)
