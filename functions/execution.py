"""One execution of a trigger.

What a trigger works with is imported when it first runs, not when the host loads the app: an instance
loads every function to know it, and runs only those of one group.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.services import Services


@asynccontextmanager
async def execution(name: str) -> AsyncIterator["Services"]:
    """Give the body what the use cases work with, under a span that is sent before the execution ends."""
    from opentelemetry.trace import SpanKind

    from shared.bootstrap import services
    from shared.telemetry.export import flush
    from shared.telemetry.spans import span

    opened = await services()
    try:
        with span(name, SpanKind.CONSUMER):
            yield opened
    finally:
        await flush()
