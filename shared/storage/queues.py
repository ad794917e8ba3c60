"""The port of messages on Azure Queue storage."""

from math import ceil

from azure.storage.queue.aio import QueueClient
from pydantic import BaseModel

from shared.storage.azure_errors import translated
from shared.storage.limits import check_delay, check_message

_FOREVER = -1


class StorageQueue:
    """The `MessageQueue` over a queue, which must exist.

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
