"""What is deployed runs by itself: on its own requirements, with an identity and without a secret."""

import csv
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from local import azurite, health, sample_data
from local.processes import Process, end, spawn
from local.stack import Stack
from tests.deployment import folder
from tests.e2e.caller import Caller
from tests.e2e.system import clean_environ, counts, planned, run_now
from tests.e2e.traces import Traces

ROWS = 1_000


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that is deployed."""
    return folder.build(tmp_path_factory.mktemp("deployment"))


@pytest.fixture(scope="module")
def packages(deployed: Path) -> Path:
    """What its requirements name, which lies in it."""
    return deployed / folder.PACKAGES


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose storage takes tokens, and whose settings hold no key of it."""
    state = tmp_path_factory.mktemp("identity")
    with Stack(state, environ=clean_environ(), in_memory=True, identity=True) as running:
        yield running


@pytest.fixture(scope="module")
def traces() -> Traces:
    """The secrets that callers saw."""
    return Traces()


@pytest.fixture(scope="module")
def host(
    identity: Stack, deployed: Path, packages: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Process]:
    """The deployed app in a process that sees nothing of this folder but the stand-in for the host."""
    outside = folder.worker(tmp_path_factory.mktemp("worker"))
    port = identity.ports["api"]
    # The interpreter without its own packages; -P: nor those of the folder that it is started in.
    python = [str(Path(sys.base_prefix) / "bin" / "python3.13"), "-S", "-P"]
    arguments = ["--port", str(port), "--app", str(deployed), "--blob-scan", "0.2"]
    process = spawn(
        "deployed",
        [*python, "-m", "local.host", *arguments],
        port=port,
        log=identity.state / "logs" / "deployed.log",
        environment={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": f"{packages}:{outside}",
            "PYTHONUNBUFFERED": "1",
            **identity.settings,
        },
    )
    try:
        process.wait_until(lambda: bool(health.functions(process.url)))
        yield process
    finally:
        end([process])


def test_only_the_app_itself_is_deployed(deployed: Path) -> None:
    assert {path.name for path in deployed.iterdir()} == {
        ".python_packages",
        "function_app.py",
        "functions",
        "host.json",
        "requirements.txt",
        "shared",
    }
    ours = [path for path in deployed.rglob("*") if folder.PACKAGES.parts[0] not in path.parts]
    assert not [path for path in ours if path.suffix in (".pyc", ".log", ".pem")]


def test_nothing_of_a_package_is_left_out(packages: Path) -> None:
    """A name that .funcignore leaves out here may be a folder of a package."""
    for record in packages.glob("*.dist-info/RECORD"):
        for line in record.read_text().splitlines():
            file = line.split(",")[0].strip('"')
            if not file.startswith("..") and "__pycache__" not in file:
                assert (packages / file).exists(), file


def test_what_is_installed_is_what_azure_runs_whatever_this_machine_is(packages: Path) -> None:
    tags = "".join(wheel.read_text() for wheel in packages.glob("*.dist-info/WHEEL"))
    binary = set(re.findall(r"^Tag: (?!py)(\S+)$", tags, re.MULTILINE))
    assert binary
    for tag in binary:
        assert re.fullmatch(r"cp3\d+-(cp313|abi3)-manylinux\S+_x86_64", tag), tag


def test_every_requirement_has_its_hash() -> None:
    text = folder.PINS.read_text()
    pins = re.findall(r"^[a-z][^ ]*==\S+", text, re.MULTILINE)
    assert len(pins) > 50
    assert len(re.findall(r"^[a-z](?:.*\\\n)(?:    --hash=sha256:)", text, re.MULTILINE)) == len(
        pins
    )


def test_it_loads_with_its_own_requirements_alone(deployed: Path, packages: Path) -> None:
    code = "from function_app import app; print(len(app.get_functions()))"
    python = [str(Path(sys.base_prefix) / "bin" / "python3.13"), "-S"]
    run = subprocess.run(  # noqa: S603 - our own interpreter
        [*python, "-c", code],
        cwd=deployed,
        env={"PYTHONPATH": str(packages), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert run.stdout == "5\n"


@pytest.mark.stack
def test_no_setting_holds_a_key_of_storage(identity: Stack) -> None:
    assert not {"DataStorage", "AzureWebJobsStorage"} & identity.settings.keys()
    for name, value in identity.settings.items():
        assert azurite.KEY not in value, name
        assert "AccountKey" not in value, name
    assert identity.settings["DataStorage__blobServiceUri"].startswith("https://")


@pytest.mark.stack
def test_the_host_finds_every_function(host: Process) -> None:
    found = re.findall(r"^function (\w+) \((\w+)\)$", host.log.read_text(), re.MULTILINE)
    assert dict(found) == {
        "arrivals": "blobTrigger",
        "http": "httpTrigger",
        "refresh": "timerTrigger",
        "slices": "queueTrigger",
        "slices_poison": "queueTrigger",
    }


@pytest.mark.stack
def test_an_export_runs_when_its_file_lands_and_on_demand(
    identity: Stack, host: Process, traces: Traces
) -> None:
    drop(identity, "Deployed/0.csv", 10)
    with Caller(identity, traces, host.url) as caller:
        connection = caller.connect("Account", "owner1@example.com")
        export = caller.export("To it", connection, "Deployed")
        drop(identity, "Deployed/1.csv", ROWS)
        landed = caller.finished_run(caller.newest_run(export, "arrival"))
        assert landed["trigger"] == "arrival"
        assert counts(landed) == planned(ROWS)
        again = caller.finished_run(run_now(caller, export))
        assert counts(again)["unchanged"] == planned(ROWS)["accepted"]
        rejects = list(csv.DictReader(io.StringIO(caller.rejects(again["id"]))))
        assert len(rejects) == ROWS - counts(again)["unchanged"]


@pytest.mark.stack
@pytest.mark.usefixtures("host")
def test_its_logs_hold_no_secret_and_no_address(identity: Stack, traces: Traces) -> None:
    assert traces.left_by(identity.state) == []


def drop(stack: Stack, path: str, rows: int) -> None:
    """Put a generated file into storage, as upstream does."""
    trust = stack.settings["SSL_CERT_FILE"]
    with BlobServiceClient.from_connection_string(
        stack.account(), connection_verify=trust
    ) as service:
        container = service.get_container_client("segments")
        container.upload_blob(path, sample_data.segment_file(rows), overwrite=True)
