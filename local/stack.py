"""Starts every process that the product needs, in order, and ends them together.

Its state lies in one folder: ``ports.json`` (kept, so that addresses stay the same), ``stack.json``
(only while it runs), ``logs``, and what storage, vault, identity and certificates keep.
"""

import json
import os
import ssl
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from azure.core.exceptions import AzureError

from local import addresses, azurite, certificates, health, identity, stack_file, storage
from local.processes import ROOT, Process, StackError, end, spawn

STATE = ROOT / ".local"
WATCH_SECONDS = 0.5
_SIGN_IN = ("mailchimp", "constant_contact")  # sandboxes that one signs in to; others have keys


class Stack:
    """The local stack, as a context manager that starts it without a functions host.

    ``environ`` is the caller's environment: its settings win over the local ones. With
    ``in_memory`` storage forgets everything at the end; with ``identity`` the settings name it by address,
    and no secret of it, as on Azure; ``sandboxes`` has what is added to the command
    lines of sandboxes, by name. Start it, and hosts, from a thread that lives as long as the stack
    does (local/die_with_parent.py says why).
    """

    def __init__(
        self,
        state: Path = STATE,
        *,
        environ: Mapping[str, str] = os.environ,
        in_memory: bool = False,
        identity: bool = False,
        sandboxes: Mapping[str, Sequence[str]] = {},
    ) -> None:
        self.state = state
        self.ports: dict[str, int] = {}
        self.settings: dict[str, str] = {}
        self.hosts: list[Process] = []
        self._servers: list[Process] = []
        self._held = ExitStack()  # ports
        self._environ = environ
        self._in_memory = in_memory
        self._identity = identity
        self._sandboxes = sandboxes

    def __enter__(self) -> Self:
        """Start it, or raise StackError and leave nothing running."""
        self._claim()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it."""
        self.stop()

    @property
    def urls(self) -> dict[str, str]:
        """The base URL of each of addresses.PORTS."""
        return addresses.urls(self.ports, identity=self._identity)

    @property
    def processes(self) -> list[Process]:
        """Every process started, ended or not."""
        return self._servers + self.hosts

    def start_host(
        self, environment: Mapping[str, str] | None = None, arguments: Sequence[str] = ()
    ) -> Process:
        """Start one more functions host, on the API's port if that is free, and wait for it.

        Raises StackError when it does not start, and when its app cannot be loaded.
        ``environment`` is added to the settings, ``arguments`` to the host's command line.
        """
        port = addresses.free_port(self.ports["api"], self._held)
        command = _module("local.host", port, *arguments)
        host = self._spawn(f"host-{len(self.hosts) + 1}", port, command, environment or {})
        self.hosts.append(host)
        self._save()
        host.wait_until(lambda: health.functions(host.url) is not None)
        if not health.functions(host.url):
            host.kill()
            raise host.failed("has no function")
        return host

    def stop_server(self, name: str) -> None:
        """End one of the servers, such as azurite; the others and the hosts go on without it."""
        end([self._server(name)])

    def start_server(self, name: str) -> None:
        """Start a server again that was stopped, at the same address, and wait for it.

        It goes on with what it kept in the state folder; its log begins anew.
        """
        stopped = self._server(name)
        self._servers.remove(stopped)
        self._serve(name, stopped.port, stopped.command)
        server, trust = self._server(name), self._trusted()
        server.wait_until(lambda: self._ready(server, trust))

    def watch(self) -> None:
        """Wait until a process ends by itself; then raise StackError naming it."""
        while all(process.alive for process in self.processes):
            time.sleep(WATCH_SECONDS)
        dead = next(process for process in self.processes if not process.alive)
        raise dead.failed(f"ended with code {dead.popen.returncode}")

    def stop(self) -> None:
        """End every process, the functions hosts first."""
        end(self.hosts)
        end(self._servers)
        self._held.close()
        stack_file.erase(self.state)

    def account(self) -> str:
        """Return a connection string of the storage account, also where the settings have none."""
        return self.settings.get("DataStorage") or addresses.by_key(self.urls)

    def token(self, role: str, *, hours: float = 8) -> str:
        """Return a bearer token of the local account with this role."""
        return token(self.state, self.settings, role, hours=hours)

    @property
    def _certificates(self) -> Path:
        return self.state / "certificates"

    def _claim(self) -> None:
        if other := stack_file.running(self.state):
            api = addresses.urls(other.ports)["api"]
            raise StackError(f"The stack is already running, at {api}. `make stop` ends it.")
        stack_file.stop(self.state)
        self.state.mkdir(parents=True, exist_ok=True)
        self.ports = self._choose_ports()
        self.settings = addresses.settings(
            self.ports, self._environ, self._trust(), identity=self._identity
        )
        self._save()

    def _choose_ports(self) -> dict[str, int]:
        file = self.state / "ports.json"
        earlier = json.loads(file.read_text()) if file.exists() else {}
        ports = addresses.choose_ports(self._environ, earlier, self._held)
        file.write_text(json.dumps(ports))
        return ports

    def _trust(self) -> Path:
        """Return one bundle of certificates: the local authority's and those the caller trusts."""
        local = certificates.ensure(self._certificates).bundle
        callers = self._environ.get("SSL_CERT_FILE")
        if not callers or not Path(callers).is_file():
            return local
        both = self.state / "ca-bundle.pem"
        both.write_bytes(local.read_bytes() + Path(callers).read_bytes())
        return both

    def _start(self) -> None:
        storage_ports = [self.ports[name] for name in addresses.STORAGE]
        self._serve("azurite", storage_ports[0], self._azurite(*storage_ports))
        for module, arguments in self._modules().items():
            name = module.rpartition(".")[2]
            self._serve(name, self.ports[name], _module(module, self.ports[name], *arguments))
        trust = self._trusted()
        for server in self._servers:
            server.wait_until(partial(self._ready, server, trust))
        try:
            storage.create(self.account(), self.settings["SSL_CERT_FILE"])
        except (AzureError, ValueError) as error:
            raise StackError(f"The storage that DataStorage names is of no use: {error}") from error

    def _trusted(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.settings["SSL_CERT_FILE"])

    def _server(self, name: str) -> Process:
        return next(server for server in self._servers if server.name == name)

    def _ready(self, server: Process, trust: ssl.SSLContext) -> bool:
        if server.name == "azurite":
            return all(health.answers(self.urls[name], trust) for name in addresses.STORAGE)
        return health.healthy(f"{self.urls[server.name]}/health", trust)

    def _azurite(self, blob: int, queue: int, table: int) -> list[str]:
        if not azurite.SCRIPT.exists():
            raise StackError("Azurite is not installed. `make setup` installs it.")
        location = None if self._in_memory else self.state / "storage"
        certified = certificates.ensure(self._certificates) if self._identity else None
        return azurite.command(blob, queue, table, location=location, certificates=certified)

    def _modules(self) -> dict[str, list[str]]:
        """Return the servers that are modules of ours, with their own arguments."""
        trusted = ["--issuer", self.urls["identity"]]
        certified = ["--certificates", str(self._certificates)]
        return {
            "local.identity": self._keeping("identity"),
            "local.vault": [*self._keeping("vault"), *trusted, *certified],
            **{f"local.sandbox.{name}": self._sandbox(name) for name in addresses.SANDBOXES},
        }

    def _sandbox(self, name: str) -> list[str]:
        back = self.settings["PUBLIC_BASE_URL"] + addresses.CALLBACK
        registered = ["--redirect-uri", back] if name in _SIGN_IN else []
        return [*self._keeping(name), *registered, *self._sandboxes.get(name, ())]

    def _keeping(self, name: str) -> list[str]:
        return ["--state", str(self.state / name)]

    def _serve(self, name: str, port: int, command: Sequence[str]) -> None:
        self._servers.append(self._spawn(name, port, command, {}))
        self._save()

    def _spawn(
        self, name: str, port: int, command: Sequence[str], extra: Mapping[str, str]
    ) -> Process:
        environment = {**self._environ, "PYTHONUNBUFFERED": "1", **self.settings, **extra}
        log = self.state / "logs" / f"{name}.log"
        return spawn(name, command, port=port, log=log, environment=environment)

    def _save(self) -> None:
        commands = {process.pid: process.command for process in self.processes}
        stack_file.write(self.state, stack_file.StackFile.of(commands, self.ports, self.settings))


def token(state: Path, settings: Mapping[str, str], role: str, *, hours: float = 8) -> str:
    """Return a bearer token of the local account with this role, for these settings."""
    issuer, audience = settings["AUTH_ISSUER"], settings["AUTH_AUDIENCE"]
    return identity.token(state / "identity", issuer, audience, role, hours=hours)


def _module(name: str, port: int, *arguments: str) -> list[str]:
    return [sys.executable, "-m", name, "--port", str(port), *arguments]
