"""The local stack as a whole, and its command line."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import jwt
import pytest
from azure.core.exceptions import ServiceRequestError
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local import addresses, stack_file, storage
from local.processes import ROOT, StackError, runs, wait_until_ended
from local.stack import Stack
from tests.e2e.system import clean_environ

APP = """
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="hello")
async def hello(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(__import__("os").environ["GREETING"])
"""
COMMAND = [sys.executable, "-m", "local"]


def local(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command line
        [*COMMAND, *arguments, "--state", str(state)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def started(state: Path) -> Iterator[subprocess.Popen[str]]:
    """Run `start` as another terminal would, up to the moment everything is ready."""
    command = [*COMMAND, "start", "--no-host", "--state", str(state)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as terminal:  # noqa: S603 - our own command line
        assert terminal.stdout
        try:
            assert any("Ctrl-C" in line for line in terminal.stdout)
            yield terminal
        finally:
            terminal.terminate()


def commands(state: Path) -> dict[int, list[str]]:
    """The processes of a running stack, its owner included."""
    running = stack_file.running(state)
    assert running
    assert len(running.commands) == 7
    return {int(pid): command for pid, command in running.commands.items()}


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A functions app that answers with a setting of its host."""
    (tmp_path / "function_app.py").write_text(APP)
    (tmp_path / "host.json").write_text(
        json.dumps({"version": "2.0", "extensions": {"http": {"routePrefix": ""}}})
    )
    return tmp_path


def test_storage_holds_every_container_queue_and_table(stack: Stack) -> None:
    connection = stack.settings["DataStorage"]
    with BlobServiceClient.from_connection_string(connection) as blobs:
        assert {each.name for each in blobs.list_containers()} >= set(storage.CONTAINERS)
    with QueueServiceClient.from_connection_string(connection) as queues:
        assert {each.name for each in queues.list_queues()} >= set(storage.QUEUES)
    with TableServiceClient.from_connection_string(connection) as tables:
        assert {each.name for each in tables.list_tables()} >= set(storage.TABLES)


def test_a_second_start_says_that_the_stack_is_running(stack: Stack) -> None:
    second = local(stack.state, "start")
    assert second.returncode == 1
    assert f"already running, at {stack.urls['api']}" in second.stderr


def test_env_gives_a_shell_every_address_and_setting(stack: Stack) -> None:
    lines = local(stack.state, "env").stdout
    read = dict(word.split("=", 1) for word in shlex.split(lines))
    urls = {addresses.variable(name): url for name, url in stack.urls.items()}
    assert not urls.keys() & stack.settings.keys()
    assert read == urls | stack.settings


def test_a_token_is_signed_by_the_issuer_for_the_role(stack: Stack) -> None:
    token = local(stack.state, "token", "contributor").stdout.strip()
    keys = jwt.PyJWKSet.from_dict(httpx.get(f"{stack.settings['AUTH_ISSUER']}/jwks").json())
    claims = jwt.decode(
        token,
        keys[jwt.get_unverified_header(token)["kid"]],
        algorithms=["RS256"],
        issuer=stack.settings["AUTH_ISSUER"],
        audience=stack.settings["AUTH_AUDIENCE"],
    )
    assert claims["roles"] == ["contributor"]


@pytest.mark.parametrize("arguments", [["env"], ["token", "viewer"]])
def test_what_needs_a_running_stack_says_so(tmp_path: Path, arguments: list[str]) -> None:
    answer = local(tmp_path, *arguments)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "not running" in answer.stderr


def test_a_host_gets_the_settings_and_what_is_added_to_them(stack: Stack, app: Path) -> None:
    host = stack.start_host({"GREETING": "good day"}, ["--app", str(app)])
    try:
        assert host.url == stack.urls["api"]
        assert httpx.get(f"{host.url}/hello").text == "good day"
    finally:
        host.kill()


def test_a_host_whose_app_cannot_be_loaded_is_ended_with_the_reason(
    stack: Stack, app: Path
) -> None:
    (app / "function_app.py").write_text("raise ValueError('broken on purpose')")
    with pytest.raises(StackError, match=r"has no function(?s:.*)broken on purpose"):
        stack.start_host(arguments=["--app", str(app)])
    assert not stack.hosts[-1].alive


def test_two_hosts_run_at_once_and_a_killed_one_is_replaced(stack: Stack, app: Path) -> None:
    arguments = ["--app", str(app)]
    first = stack.start_host({"GREETING": "first"}, arguments)
    second = stack.start_host({"GREETING": "second"}, arguments)
    first.kill()
    third = stack.start_host({"GREETING": "third"}, arguments)
    try:
        assert not first.alive
        assert httpx.get(f"{second.url}/hello").text == "second"
        assert httpx.get(f"{third.url}/hello").text == "third"
        assert third.port == first.port != second.port
    finally:
        second.kill()
        third.kill()


def test_stop_ends_everything_that_another_terminal_started(tmp_path: Path) -> None:
    with started(tmp_path) as terminal:
        everyone = commands(tmp_path)
        assert local(tmp_path, "stop").stdout == "Stopped.\n"
        assert [each for each in everyone.items() if runs(*each)] == []
        assert terminal.wait() == 0
    assert local(tmp_path, "stop").stdout == "Nothing was running.\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child to its parent")
def test_nothing_outlives_a_stack_that_is_killed(tmp_path: Path) -> None:
    with started(tmp_path) as terminal:
        everyone = commands(tmp_path)
        terminal.send_signal(signal.SIGKILL)
        assert wait_until_ended(everyone, seconds=10)


def test_storage_that_is_stopped_goes_on_with_what_it_had(tmp_path: Path) -> None:
    with Stack(tmp_path, environ=clean_environ()) as stack:
        service = BlobServiceClient.from_connection_string(stack.account(), retry_total=0)
        with service, service.get_blob_client("segments", "kept.csv") as blob:
            blob.upload_blob(b"EMail")
            stack.stop_server("azurite")
            with pytest.raises(ServiceRequestError):
                blob.get_blob_properties()

            stack.start_server("azurite")

            assert blob.download_blob().readall() == b"EMail"


def test_a_stack_that_fails_to_start_names_the_part_and_leaves_nothing(tmp_path: Path) -> None:
    stack = Stack(tmp_path, environ={**os.environ, "DataStorage": "not a connection string"})
    with pytest.raises(StackError, match="DataStorage"), stack:
        pass
    assert [each.name for each in stack.processes if each.alive] == []
    assert stack_file.running(tmp_path) is None
