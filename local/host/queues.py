"""Polls queues, runs their triggers and deletes; failures come back and end in the poison queue.

The rules are those of the storage extension's QueueListener and QueueProcessor: a message is
received with a long invisibility that is extended at half time while its function runs; success
deletes it; after a failure it is visible again after `visibilityTimeout`, or moves to
`<queue>-poison` when it has been received `maxDequeueCount` times. A text that is not base64 moves there at
once, as it is; base64 of bytes that are no UTF-8 is tried like any message, and never reaches the function. A
queue that is itself named `-poison` has none: a failed message stays invisible until its time is up.
"""

import asyncio
import base64
import binascii
import json
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from local.host.clock import pause
from local.host.config import Queues
from local.host.protos import TypedData
from local.host.storage import HOST_STORAGE, Storage
from local.host.worker import Function, invoke

log = logging.getLogger("host.queues")

FASTEST_POLL = 0.1  # seconds between looks at a queue that just had messages
SLOWEST_POLL = 1.0  # and at one that had none for a while: short, because people wait for it

Handle = Callable[[QueueMessage, str], Awaitable[bool]]
"""Takes a message and its decoded text, says whether it succeeded."""

Poison = Callable[[str], Awaitable[QueueClient]]
"""Returns the queue that a message, by its text, moves to when it is given up."""


@dataclass(frozen=True)
class Rules:
    """How one queue is listened to; times in seconds."""

    batch_size: int
    new_batch_threshold: int
    max_dequeue_count: int
    retry_delay: float
    slowest_poll: float
    visibility: int
    base64: bool

    @classmethod
    def of(cls, queues: Queues, visibility: int) -> "Rules":
        """Return the rules of host.json."""
        return cls(
            batch_size=queues.batch_size,
            new_batch_threshold=queues.new_batch_threshold,
            max_dequeue_count=queues.max_dequeue_count,
            retry_delay=queues.visibility_timeout,
            slowest_poll=min(SLOWEST_POLL, queues.max_polling_interval),
            visibility=visibility,
            base64=queues.base64,
        )


class QueueListener:
    """Receives the messages of one queue and settles each by what `handle` says."""

    def __init__(
        self, queue: QueueClient, poison: Poison | None, handle: Handle, rules: Rules
    ) -> None:
        self._queue = queue
        self._poison = poison
        self._handle = handle
        self._rules = rules
        self._missing = False

    async def run(self, stopping: asyncio.Event) -> None:
        """Receive until told to stop, then wait for the messages being handled."""
        running: set[asyncio.Task[None]] = set()
        delay = FASTEST_POLL
        async with asyncio.TaskGroup() as tasks:
            while not stopping.is_set():
                if len(running) > self._rules.new_batch_threshold:
                    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                    continue
                messages = await self._look()
                for message in messages:
                    task = tasks.create_task(self._process(message))
                    running.add(task)
                    task.add_done_callback(running.discard)
                if messages:
                    delay = FASTEST_POLL
                else:
                    await pause(stopping, delay)
                    delay = min(delay * 2, self._rules.slowest_poll)

    async def _look(self) -> list[QueueMessage]:
        try:
            return await self._receive()
        except ResourceNotFoundError:
            log.warning("%s is gone and will be created", self._queue.queue_name)
            self._missing = True
        except AzureError as error:
            log.warning("%s cannot be read: %s", self._queue.queue_name, error)
        return []

    async def _receive(self) -> list[QueueMessage]:
        if self._missing:
            await create(self._queue)
            self._missing = False
        pages = self._queue.receive_messages(
            messages_per_page=self._rules.batch_size,
            visibility_timeout=self._rules.visibility,
        ).by_page()
        try:
            # One page is one request; the rest of the messages is the next look's business.
            return [message async for message in await anext(pages)]
        except StopAsyncIteration:
            return []

    async def _process(self, message: QueueMessage) -> None:
        try:
            # Somebody who received it this often and said nothing has died of it.
            if self._poison and (message.dequeue_count or 0) > self._rules.max_dequeue_count:
                await self._move(message, self._poison)
            else:
                await self._settle(message, succeeded=await self._run(message))
        except AzureError as error:
            name = self._queue.queue_name
            log.warning("message %s of %s will come back: %s", message.id, name, error)

    async def _run(self, message: QueueMessage) -> bool:
        try:
            text = self._decoded(message.content)
        except UnicodeDecodeError:
            log.warning("message %s of %s is not UTF-8", message.id, self._queue.queue_name)
            return False
        except binascii.Error:
            log.warning("message %s of %s is not base64", message.id, self._queue.queue_name)
            message.dequeue_count = self._rules.max_dequeue_count  # no retry would change it
            return False
        done = asyncio.Event()
        keeper = asyncio.create_task(self._keep_invisible(message, done))
        try:
            return await self._handle(message, text)
        finally:
            done.set()
            await keeper

    def _decoded(self, content: str) -> str:
        if not self._rules.base64:
            return content
        return base64.b64decode(content, validate=True).decode()

    def _readable(self, message: QueueMessage) -> str:
        try:
            return self._decoded(message.content)
        except ValueError:  # of a queue whose messages anybody writes
            return ""

    async def _keep_invisible(self, message: QueueMessage, done: asyncio.Event) -> None:
        while not await pause(done, self._rules.visibility / 2):
            try:
                await self._make_visible_in(message, self._rules.visibility)
            except AzureError as error:
                log.warning("message %s cannot be kept invisible: %s", message.id, error)

    async def _settle(self, message: QueueMessage, succeeded: bool) -> None:
        if succeeded:
            await self._delete(message)
        elif self._poison is None:
            log.warning("message %s stays invisible for its time", message.id)
        elif (message.dequeue_count or 0) >= self._rules.max_dequeue_count:
            await self._move(message, self._poison)
        else:
            await self._make_visible_in(message, self._rules.retry_delay)

    async def _make_visible_in(self, message: QueueMessage, seconds: float) -> None:
        updated = await self._queue.update_message(
            message.id, message.pop_receipt, visibility_timeout=round(seconds)
        )
        message.pop_receipt = updated.pop_receipt

    async def _delete(self, message: QueueMessage) -> None:
        await self._queue.delete_message(message.id, message.pop_receipt)

    async def _move(self, message: QueueMessage, choose: Poison) -> None:
        poison = await choose(self._readable(message))
        log.warning("message %s moves to %s", message.id, poison.queue_name)
        await create(poison)
        await poison.send_message(message.content)
        await self._delete(message)


async def create(queue: QueueClient) -> None:
    """Create a queue unless it exists."""
    try:
        await queue.create_queue()
    except ResourceExistsError:
        return


async def function_listener(function: Function, storage: Storage, rules: Rules) -> QueueListener:
    """Return the listener of a queue function, its queue created when missing.

    Raises AppError when the function's connection has no settings.
    """
    connection = function.trigger.get("connection") or HOST_STORAGE
    name = function.trigger["queueName"]
    queue = await storage.queue(connection, name)
    await create(queue)

    async def poison(_text: str) -> QueueClient:
        return await storage.queue(connection, f"{name}-poison")

    async def handle(message: QueueMessage, text: str) -> bool:
        result = await invoke(function, TypedData(string=text), _metadata(message, text))
        return result.succeeded

    return QueueListener(queue, None if name.endswith("-poison") else poison, handle, rules)


async def by_hand(function: Function, text: str) -> None:
    """Run a queue function once with a text that came from no queue."""
    metadata = {"Id": TypedData(string=str(uuid.uuid4())), "DequeueCount": TypedData(json="1")}
    await invoke(function, TypedData(string=text), metadata)


def _metadata(message: QueueMessage, text: str) -> dict[str, TypedData]:
    """Return what the Azure host tells a queue function about its message."""
    times = {
        "InsertionTime": message.inserted_on,
        "ExpirationTime": message.expires_on,
        "NextVisibleTime": message.next_visible_on,
    }
    return {
        "QueueTrigger": TypedData(string=text),
        "Id": TypedData(string=message.id),
        "PopReceipt": TypedData(string=message.pop_receipt),
        "DequeueCount": TypedData(json=json.dumps(message.dequeue_count)),
    } | {name: TypedData(json=json.dumps(time.isoformat())) for name, time in times.items() if time}
