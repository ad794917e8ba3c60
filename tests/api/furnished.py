"""An office with something of everything in it, which is as before after each use."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace

from local.identity import SigningKey
from shared.domain.run import Checkpoint, Phase
from shared.runs.send.import_callbacks import report_url
from shared.storage.paths import CHECKPOINT
from tests.api.office import Office
from tests.api.vendors import LINKED, Vendors


@dataclass(frozen=True)
class Furnished:
    """An office with connections, exports and a run; `names` says what their ids are.

    SHARED and PRIVATE are connections, ON_SHARED and ON_PRIVATE exports on them, IDLE_ON_PRIVATE is an
    export that never ran and DETACHED one without a connection, SHARED_SEGMENT a segment that only an
    export on SHARED uses, DRAFT is a connection that is being set up, AGREED one with a key whose terms are
    accepted, RUN a run, RUN_ON_SHARED one that SHARED is used for, and REPORT_TOKEN what lets
    a destination report on it.
    """

    office: Office
    names: dict[str, str]

    @classmethod
    async def make(cls, key: SigningKey) -> "Furnished":
        """Set everything up."""
        office = Office(key)
        office.allow(1_000_000)  # it is asked all the time, and its clock stands still
        vendors = Vendors(office)
        await vendors.linked.set(LINKED, vendors.postbox.key)
        shared = await office.ready(shared_with="contributors")
        private = await office.ready()
        on_private = await office.export(private)
        run = await office.done("POST", f"/exports/{on_private}/run", {})
        begun = Checkpoint(
            phase=Phase.SEND, batches=1, profiles=1
        )  # of which a destination may report
        await office.services.storage.checkpoints.insert(str(run["id"]), CHECKPOINT, begun)
        run_on_shared = await office.done("POST", f"/exports/{await office.export(shared)}/run", {})
        detached = await office.export(private)
        await office.done("POST", f"/exports/{detached}/detach")
        await office.drop("Shared")
        await office.export(shared, segments=["Shared"])
        names = {
            "SHARED_SEGMENT": "Shared",  # before what its name is made of
            "RUN_ON_SHARED": str(run_on_shared["id"]),  # likewise
            "ON_SHARED": await office.export(shared),
            "IDLE_ON_PRIVATE": await office.export(private),
            "DETACHED": detached,
            "ON_PRIVATE": on_private,
            "SHARED": shared,
            "PRIVATE": private,
            "DRAFT": await office.draft(shared_with="contributors"),
            "AGREED": await vendors.agreed("postbox"),
            "RUN": str(run["id"]),
            "REPORT_TOKEN": (await report_url(office.services, str(run["id"]))).partition(
                "?token="
            )[2],
        }
        return cls(office, names)

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Be what the app works for, and undo at the end what the body did to storage."""
        self.office.move_in()
        before = self.office.services
        kept = {id(before.clock): before.clock}
        self.office.services = replace(before, storage=deepcopy(before.storage, kept))
        try:
            yield
        finally:
            self.office.services = before
