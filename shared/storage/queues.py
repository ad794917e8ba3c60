"""The port of messages on Azure Queue storage."""

from math import ceil

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue.aio import QueueClient
from pydantic import BaseModel

from shared.storage.azure_errors import translated
from shared.storage.limits import check_delay, check_message

_FOREVER = -1


class StorageQueue:
    """The `MessageQueue` over a queue, which must exist, and the `Backlog` of one that may.

    The client must send base64 (`TextBase64EncodePolicy`), which is what a queue trigger reads.
    When an answer is lost the SDK asks again, so a message may arrive twice.
    """

    def __init__(self, queue: QueueClient) -> None:
        self._queue = queue

    async def send(self, message: BaseModel, delay: float = 0) -> None:
        """Enqueue a message that becomes visible after `delay` seconds, and never expires."""
        text = message.model_dump_json()
        check_message(text)
        check_delay(delay)
        with translated(self._queue.queue_name):
            await self._queue.send_message(
                text, visibility_timeout=ceil(delay), time_to_live=_FOREVER
            )

    async def count(self) -> int:
        """Return about how many messages are in it, hidden ones too; 0 where there is no such queue."""
        with translated(self._queue.queue_name):
            try:
                found = await self._queue.get_queue_properties()
            except ResourceNotFoundError:
                return 0  # the host makes the queue of its own when it first gives something up
            return found.approximate_message_count or 0
