"""Sends callbacks as they fall due, for as long as the sandbox is served."""

import asyncio

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from local.sandbox.activecampaign.state import Sandbox

_EVERY = 0.05  # real seconds: how late a callback may be at most


def with_courier(app: ASGIApp, sandbox: Sandbox) -> ASGIApp:
    """The application, whose first request also starts the sending (our servers have no lifespan)."""
    under_way: list[asyncio.Task[None]] = []

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        if not under_way:
            under_way.append(asyncio.create_task(_deliver(sandbox)))
        await app(scope, receive, send)

    return served


async def _deliver(sandbox: Sandbox) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        while True:
            await sandbox.deliver_callbacks(client)
            await asyncio.sleep(_EVERY)
