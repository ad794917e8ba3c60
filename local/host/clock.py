"""Waits until a time has passed or the host stops."""

import asyncio


async def pause(stopping: asyncio.Event, seconds: float) -> bool:
    """Wait that long, or until the event is set; say whether it is set."""
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return False
    return True
