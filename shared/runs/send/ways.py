"""What a slice sends with: the way to one list, what records the answers, and what looks after jobs."""

from shared.connections.vendor_api import open_api
from shared.destinations.contract import Destination, ListsJobs
from shared.destinations.model import Target
from shared.domain.export import Export
from shared.domain.run import Run
from shared.runs.send.batch_sender import Delivery
from shared.runs.send.import_callbacks import report_url
from shared.runs.send.lost_jobs import LostJobs
from shared.runs.send.poller import JobPoller, RunFiles
from shared.runs.send.recorder import Recorder
from shared.runs.state.cancellation import CancelSign
from shared.runs.state.checkpoint import OpenCheckpoint
from shared.runs.state.context import Order
from shared.runs.state.delivered import digest_key, digest_with
from shared.services import Services
from shared.transport.pace import Pace

type Ways = tuple[Delivery, Recorder, JobPoller, CancelSign]


async def ways(
    services: Services,
    order: Order,
    run: Run,
    checkpoint: OpenCheckpoint,
    pace: Pace,
    sign: CancelSign,
) -> Ways:
    """Return what sending and waiting work with; raise NeedsAttention or TryLater."""
    destination, storage = services.destinations[order.connection.destination], services.storage
    api = await open_api(services, order.connection, pace)
    of_jobs = RunFiles(storage.run_files, run.id, destination.limits)
    digest = digest_with(await digest_key(storage.secrets))
    target = target_of(order.export, destination, await report_url(services, run.id))
    lost = LostJobs(destination, api) if isinstance(destination, ListsJobs) else None
    return (
        Delivery(services.clock, destination, api, pace, target, lost),
        Recorder(services.clock, run, storage.run_files, of_jobs, checkpoint, digest, api),
        JobPoller(services.clock, destination, api, of_jobs),
        sign,
    )


def target_of(export: Export, destination: Destination, reports: str) -> Target:
    """Return where the profiles of an export go; a destination can post reports to `reports`."""
    mapped = [field for field in export.fields if field != destination.fields[0].name]
    return Target(export.list_id, mapped, export.clear_when_empty, export.options, reports)
