"""Posting what the webhook is still to be told of runs that ended, until it listens or a day has gone by.

The minute tick does it, so no run waits for a receiver. A message is deleted once it was taken: a crash
in between posts it again, under the same id.
"""

import asyncio
from datetime import timedelta

from shared.domain.message import Message, say
from shared.domain.run import split_run_id
from shared.services import Services
from shared.storage.entries import DueTable, OutboxMessage
from shared.storage.ports import Stale, Stored
from shared.transport.webhook import Webhook

_AT_ONCE = 100  # messages of one tick, all under way together
_FIRST_WAIT = timedelta(minutes=1)  # doubled with every try
_LONGEST_WAIT = timedelta(hours=1)
_GIVEN_UP = timedelta(hours=24)


async def send_messages(services: Services) -> None:
    """Post the messages that are due, the oldest first; forget all of them when there is no webhook."""
    outbox, now = services.storage.webhook_outbox, services.clock.now()
    waiting = await outbox.page(DueTable.OUTBOX, limit=_AT_ONCE)
    if services.webhook is None:
        for each in waiting:
            await outbox.delete(DueTable.OUTBOX, each.key)
        return
    due = [each for each in waiting if each.value.due_at <= now]
    await asyncio.gather(*(_send(services, services.webhook, each) for each in due))


async def _send(services: Services, webhook: Webhook, stored: Stored[OutboxMessage]) -> None:
    outbox, now, message = services.storage.webhook_outbox, services.clock.now(), stored.value
    problem = await webhook.post(services.http, stored.key, now, message.body.encode())
    if problem is None:
        await outbox.delete(DueTable.OUTBOX, stored.key)
        return
    if now - message.since >= _GIVEN_UP:
        await _note(services, message, _given_up(problem))
        await outbox.delete(DueTable.OUTBOX, stored.key)
        return
    wait = min(_FIRST_WAIT * 2**message.tries, _LONGEST_WAIT)
    later = message.model_copy(update={"tries": message.tries + 1, "due_at": now + wait})
    await outbox.put(DueTable.OUTBOX, stored.key, later)


def _given_up(problem: str) -> Message:
    return say(
        "The webhook was not told: it did not take it for a day ({problem}).", problem=problem
    )


async def _note(services: Services, message: OutboxMessage, text: Message) -> None:
    """Note on a run what became of its message, if the run is still there."""
    export_id, key = split_run_id(message.run_id)
    run = await services.storage.runs.get(export_id, key)
    if run is None:
        return
    noted = run.value.noting(services.clock.now(), text)
    try:
        await services.storage.runs.replace(export_id, key, noted, run.etag)
    except Stale:
        return  # it goes on, and will have another end to tell of
