"""Accepting reports: what a destination posts to us about a job, such as why it left somebody out.

The address of a run's reports cannot be guessed: its token is a keyed digest of the run's id. What is
posted there is kept as it is until the run ends, and read only by the destination's own file.
"""

import hashlib
import hmac
import re
from contextlib import suppress

from shared.domain.errors import NotFound, TryLater
from shared.domain.message import say
from shared.domain.run import split_run_id
from shared.records.app_keys import AppKey, app_key
from shared.services import Services
from shared.storage.entries import ReportedBytes
from shared.storage.guarded_update import Contended, guarded_update
from shared.storage.paths import CHECKPOINT, REPORTED, reports_folder
from shared.storage.ports import AlreadyExists, Stored

_RUN = re.compile(r"[0-9A-Za-z-]{1,64}\.[0-9A-Za-z-]{1,64}")
_TOKEN = re.compile(r"[0-9a-f]{64}")
MOST_BYTES = 64 * 1024 * 1024
"""What is kept of a run's reports; those of a million contacts that all failed would be some 150 MB."""

_TRIES = 30  # to count a report, of many that come at once
_MOST = 5  # of one batch; a destination may repeat itself, but not for ever


class WrongToken(NotFound):
    """An address of reports that we never gave out."""


async def report_url(services: Services, run_id: str) -> str:
    """Return the address of a run's reports, in which `{batch}` stands for the number of a batch."""
    return address_of(services, run_id, await _token(services, run_id))


def address_of(services: Services, run_id: str, token: str) -> str:
    """Return the address of a run's reports with this token.

    That is in the query, under a name whose value the host hides where it reports requests.
    """
    return services.addresses.reports.replace("{run}", run_id).replace("{token}", token)


async def accept_report(
    services: Services, run_id: str, token: str, batch: int, body: bytes
) -> None:
    """Keep a report, or forget one too many.

    Raise WrongToken for an address that we never gave out, NotFound for a run that is over or a batch
    that it does not have, and TryLater when too many come at once. What no address of ours looks like
    asks nothing of storage or the vault.
    """
    nothing_here = say("There is nothing at this address.")
    if not (_RUN.fullmatch(run_id) and _TOKEN.fullmatch(token)):
        raise WrongToken(nothing_here)
    if not hmac.compare_digest(token, await _token(services, run_id)):
        raise WrongToken(nothing_here)
    stored = await services.storage.runs.get(*split_run_id(run_id))
    if stored is None or stored.value.status.is_over:
        raise NotFound(nothing_here)
    checkpoint = await services.storage.checkpoints.get(run_id, CHECKPOINT)
    if checkpoint is None or batch >= checkpoint.value.batches:
        raise NotFound(nothing_here)
    await _keep(services, run_id, batch, body)


async def _keep(services: Services, run_id: str, batch: int, body: bytes) -> None:
    files, folder = services.storage.run_files, reports_folder(run_id, batch)
    # Those of earlier versions have other names, which begin with their number, too.
    known = [info.name async for info in files.list(folder)]
    if len(known) >= _MOST or not await _reserve(services, run_id, len(body)):
        return
    for number in range(len(known), _MOST):
        with suppress(AlreadyExists):  # by another one that came at the same time
            await files.create(f"{folder}{number}", body)
            return


async def _reserve(services: Services, run_id: str, size: int) -> bool:
    """Count bytes of reports as taken; False when the run would have too many of them."""

    fits = True

    def more(now: Stored[ReportedBytes]) -> ReportedBytes:
        nonlocal fits
        taken = now.value.taken + size
        fits = taken <= MOST_BYTES
        return ReportedBytes(taken=taken) if fits else now.value

    try:
        reported = services.storage.reported
        await guarded_update(reported, run_id, REPORTED, ReportedBytes, more, _TRIES)
    except Contended:
        raise TryLater(say("Many reports come at once. Send it again."), 1) from None
    return fits


async def _token(services: Services, run_id: str) -> str:
    key = await app_key(services, AppKey.REPORTS)
    return hmac.new(key, run_id.encode(), hashlib.sha256).hexdigest()
