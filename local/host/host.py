"""Starts and stops a listener for each of an app's functions."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from local.host import config, queues, worker
from local.host.blobs import BlobListener, blob_function, queue_name
from local.host.http import ByHand, HttpApp, HttpServer, Route, route
from local.host.queues import Rules
from local.host.storage import HOST_STORAGE, Storage
from local.host.timer import TimerListener
from local.host.worker import AppError, Function

log = logging.getLogger("host")

Listen = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""Listens until the event is set, then finishes what it has begun."""


@dataclass(frozen=True)
class Options:
    """The command line; times in seconds."""

    app: Path
    port: int
    grace: float
    queue_visibility: int
    blob_scan: float
    timer_lease: int


class Host:
    """Everything that listens, built from an app's functions."""

    def __init__(self, options: Options, settings: config.HostConfig, storage: Storage) -> None:
        self._options = options
        self._settings = settings
        self._storage = storage
        self._rules = Rules.of(settings.queues, options.queue_visibility)
        self.routes: list[Route] = []
        self.by_hand: dict[str, ByHand] = {}
        self.listens: list[Listen] = []

    async def add(self, function: Function) -> None:
        """Add the listener of any function but a blob function.

        Raises AppError when the function asks for what this host does not have.
        """
        try:
            match function.type:
                case "httpTrigger":
                    self.routes.append(route(function, self._settings.route_prefix))
                case "queueTrigger":
                    listener = await queues.function_listener(function, self._storage, self._rules)
                    self.listens.append(listener.run)
                    self.by_hand[function.name] = partial(queues.by_hand, function)
                case "timerTrigger":
                    hosts = await self._storage.host_container()
                    timer = TimerListener(function, hosts, self._options.timer_lease)
                    self.listens.append(timer.run)
                    self.by_hand[function.name] = timer.by_hand
        except ValueError as error:
            raise AppError(f"{function.name}: {error}") from error

    async def add_blobs(self, functions: list[Function]) -> BlobListener:
        """Add the one listener of all blob functions.

        Raises AppError when a function asks for what this host does not have.
        """
        try:
            targets = [await blob_function(each, self._storage) for each in functions]
        except ValueError as error:
            raise AppError(str(error)) from error
        rules = self._blob_rules()
        blobs = BlobListener(targets, self._storage, rules, self._options.blob_scan)
        if targets:
            # before an event can come in
            await queues.create(await self._storage.queue(HOST_STORAGE, queue_name()))
            self.listens.append(blobs.run)
        for each in functions:
            self.by_hand[each.name] = partial(blobs.by_hand, each.name)
        return blobs

    def _blob_rules(self) -> Rules:
        """Return the rules of the internal queue; at a parallelism of 4 the Azure host runs 3 at most."""
        parallelism = self._settings.blobs.max_degree_of_parallelism
        batch = min(32, (parallelism + 1) // 2)
        return replace(
            self._rules,
            batch_size=batch,
            new_batch_threshold=max(0, parallelism - batch - 1),
            max_dequeue_count=self._settings.blobs.poison_blob_threshold,
            retry_delay=0,
            base64=True,
        )


async def serve(options: Options) -> None:
    """Run an app until SIGINT or SIGTERM.

    Raises AppError or ConfigError when it cannot start, OSError when the port is taken, and
    AzureError when the storage does not answer.
    """
    settings = config.read(options.app / "host.json", os.environ)
    functions = await worker.load(options.app)
    storage = Storage()
    try:
        host = Host(options, settings, storage)
        for function in functions:
            await host.add(function)
        blobs = await host.add_blobs([each for each in functions if each.type == "blobTrigger"])
        listening = socket.create_server(("127.0.0.1", options.port))
        for function in functions:
            print(f"function {function.name} ({function.type})", flush=True)
        print(f"listening on http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
        await _listen(functions, host, blobs, listening, options.grace)
    finally:
        await storage.close()


async def _listen(
    functions: Sequence[Function],
    host: Host,
    blobs: BlobListener,
    listening: socket.socket,
    grace: float,
) -> None:
    stopping = asyncio.Event()
    _stop_on_signals(stopping, grace)
    async with asyncio.TaskGroup() as tasks:
        app = HttpApp(functions, host.routes, host.by_hand, blobs, tasks.create_task)
        for listen in [HttpServer(app, listening).run, *host.listens]:
            tasks.create_task(listen(stopping))


def _stop_on_signals(stopping: asyncio.Event, grace: float) -> None:
    """Stop at the first signal, at the latest after the grace period; exit at the second."""
    loop = asyncio.get_running_loop()

    def give_up() -> None:
        log.warning("functions still running are cut off")
        exit_now(0)

    def exit_now(status: int) -> None:
        # Not sys.exit: a thread in a function that does not return would hold the process.
        logging.shutdown()
        os._exit(status)

    def stop(number: int) -> None:
        if stopping.is_set():
            exit_now(128 + number)
        log.info("stopping; running functions have %.0f s", grace)
        stopping.set()
        loop.call_later(grace, give_up)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
