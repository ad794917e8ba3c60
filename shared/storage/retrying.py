"""Trying again while storage does not answer, for what a crash between two tries could lose."""

from collections.abc import Awaitable, Callable, Sequence

from shared.domain.clock import Clock
from shared.storage.ports import Unavailable


async def retried(
    work: Callable[[], Awaitable[None]], clock: Clock, waits: Sequence[float]
) -> None:
    """Do some work, and again after each of `waits` (seconds) while it raises Unavailable."""
    # Takes 5 ms to import, which an instance that stores nothing need not spend.
    from tenacity import (
        AsyncRetrying,
        retry_if_exception_type,
        stop_after_attempt,
        wait_chain,
        wait_fixed,
    )

    # What tenacity calls must look asynchronous to it, whatever stands behind the port.
    async def working() -> None:
        await work()

    retrying = AsyncRetrying(
        sleep=clock.sleep,
        retry=retry_if_exception_type(Unavailable),
        wait=wait_chain(*map(wait_fixed, waits)),
        stop=stop_after_attempt(len(waits) + 1),
        reraise=True,
    )
    await retrying(working)
