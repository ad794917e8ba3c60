"""Accepting reports: what a destination posts to us about a job, such as why it left somebody out.

The address of a run's reports cannot be guessed: it holds a keyed digest of the run's id. What is
posted there is kept as it is until the run ends, and read only by the destination's own file.
"""

import hashlib
import hmac
from uuid import uuid4

from shared.domain.errors import NotFound
from shared.domain.message import say
from shared.domain.run import split_run_id
from shared.records.app_keys import AppKey, app_key
from shared.services import Services
from shared.storage.paths import reports_folder
from shared.storage.ports import Secrets

_MOST = 5  # of one batch; a destination may repeat itself, but not for ever


async def report_url(services: Services, run_id: str) -> str:
    """Return the address to which a destination can report on a run: append `/<batch>`."""
    return address_of(services, run_id, await _token(services.storage.secrets, run_id))


def address_of(services: Services, run_id: str, token: str) -> str:
    """Return the address of a run's reports with this token."""
    return f"{services.addresses.reports}/{run_id}/{token}"


async def accept_report(
    services: Services, run_id: str, token: str, batch: int, body: bytes
) -> None:
    """Keep a report; raise NotFound for an address that we never gave out, or a run that is over."""
    nothing_here = NotFound(say("There is nothing at this address."))
    # As bytes: of texts it takes only ASCII ones.
    right = await _token(services.storage.secrets, run_id)
    if not hmac.compare_digest(token.encode(), right.encode()):
        raise nothing_here
    stored = await services.storage.runs.get(*split_run_id(run_id))
    if stored is None or stored.value.status.is_over:
        raise nothing_here
    files, folder = services.storage.run_files, reports_folder(run_id, batch)
    known = [info.name async for info in files.list(folder)]
    if len(known) < _MOST:
        await files.write(f"{folder}{len(known)}-{uuid4().hex}", body)


async def _token(vault: Secrets, run_id: str) -> str:
    key = await app_key(vault, AppKey.REPORTS)
    return hmac.new(key, run_id.encode(), hashlib.sha256).hexdigest()
