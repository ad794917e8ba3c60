"""host.json."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.host.config import Blobs, ConfigError, Queues, read


def _read(folder: Path, extensions: dict[str, Any]) -> Any:
    path = folder / "host.json"
    path.write_text(json.dumps({"version": "2.0", "extensions": extensions}))
    return read(path, {})


def test_what_is_not_said_is_what_azure_assumes(tmp_path: Path) -> None:
    config = _read(tmp_path, {})
    assert config.route_prefix == "api"
    assert config.queues == Queues(16, 8, 5, 60.0, 0.0, base64=True)
    assert config.blobs.poison_blob_threshold == 5


def test_every_setting_is_read(tmp_path: Path) -> None:
    queues = {
        "batchSize": 1,
        "newBatchThreshold": 0,
        "maxDequeueCount": 9,
        "maxPollingInterval": "00:00:02",
        "visibilityTimeout": "01:01:30.5",
        "messageEncoding": "none",
    }
    blobs = {"maxDegreeOfParallelism": 4, "poisonBlobThreshold": 1}
    config = _read(tmp_path, {"http": {"routePrefix": ""}, "queues": queues, "blobs": blobs})
    assert config.route_prefix == ""
    assert config.queues == Queues(1, 0, 9, 2.0, 3690.5, base64=False)
    assert config.blobs == Blobs(4, 1)


@pytest.mark.parametrize(
    "queues",
    [
        {"batchSize": 0},
        {"batchSize": 33},
        {"messageEncoding": "utf8"},
        {"visibilityTimeout": "30"},
        {"maxPollingInterval": "a:b:c"},
    ],
)
def test_what_azure_would_refuse_is_refused(tmp_path: Path, queues: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        _read(tmp_path, {"queues": queues})


@pytest.mark.parametrize("text", ["", "{", '{"version": "1.0"}', "{}"])
def test_a_file_that_is_no_host_json_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "host.json").write_text(text)
    with pytest.raises(ConfigError):
        read(tmp_path / "host.json", {})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"host\.json"):
        read(tmp_path / "host.json", {})


def test_settings_override_the_file(tmp_path: Path) -> None:
    path = tmp_path / "host.json"
    path.write_text(json.dumps({"version": "2.0", "extensions": {"queues": {"batchSize": 4}}}))
    prefix = "AzureFunctionsJobHost__extensions__queues__"
    given = {f"{prefix}batchSize": "2", f"{prefix}maxPollingInterval": "00:00:05", "batchSize": "7"}
    queues = read(path, given).queues
    assert (queues.batch_size, queues.max_polling_interval) == (2, 5.0)
