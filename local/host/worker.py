"""Drives Microsoft's worker core in-process: loads an app, indexes it, runs its functions.

The core keeps its state in module globals, so there is one worker in a process. Async functions
run on the caller's event loop and the others in the core's thread pool, as in production.
"""

import json
import logging
import os
import re
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import azure_functions_runtime as core  # type: ignore[import-untyped]  # ships no types

from local.host import protos
from local.host.protos import ParameterBinding, TypedData

log = logging.getLogger("host.worker")


class AppError(Exception):
    """The app needs something this host does not have."""


@dataclass(frozen=True)
class Function:
    """One indexed function: its trigger is the binding as the decorators wrote it.

    Texts such as `%NAME%` in the trigger are already replaced by that setting.
    """

    id: str
    name: str
    trigger: Mapping[str, Any]

    @property
    def type(self) -> str:
        """The trigger's type: httpTrigger, queueTrigger, timerTrigger or blobTrigger."""
        return str(self.trigger["type"])


@dataclass(frozen=True)
class Result:
    """What an invocation gave; `value` is what the function returned, if it has an output."""

    succeeded: bool
    value: TypedData | None = None


async def load(app: Path) -> list[Function]:
    """Load `app`/function_app.py as the worker does and return its functions by name.

    As in Azure, an app that cannot be loaded, or that has no function, is one without functions;
    the reason is logged. Raises AppError for a binding that this host does not support.
    """
    os.environ.pop("CONTAINER_NAME", None)  # its presence tells the core that it runs in Azure
    # The folder comes first on Dedicated and Premium and last elsewhere; first is what keeps
    # another function_app.py on the path from being loaded in its place.
    sys.path.insert(0, str(app))
    os.chdir(app)
    core.start_threadpool_executor()
    request = protos.WorkerInitRequest(function_app_directory=str(app))
    loaded = await core.worker_init_request(
        _envelope(protos.StreamingMessage(worker_init_request=request))
    )
    if loaded.result.status != protos.StatusResult.Success:
        failure = loaded.result.exception
        log.error("no function of the app runs: %s\n%s", failure.message, failure.stack_trace)
        return []
    indexed = await core.functions_metadata_request(_envelope(protos.StreamingMessage()))
    if not indexed.function_metadata_results:
        log.error("no function found in %s", app / "function_app.py")
        return []
    functions = [_function(each) for each in indexed.function_metadata_results]
    return sorted(functions, key=lambda function: function.name)


async def invoke(
    function: Function, data: TypedData, metadata: Mapping[str, TypedData] | None = None
) -> Result:
    """Run a function once with the data of its trigger; a failure is a result, not an exception.

    Logs the function's name, how long it took and whether it succeeded, and the stack trace of
    a failure as the Azure host does; never what went in or came out.
    """
    invocation = str(uuid.uuid4())
    request = protos.InvocationRequest(
        invocation_id=invocation,
        function_id=function.id,
        input_data=[ParameterBinding(name=function.trigger["name"], data=data)],
        trigger_metadata=metadata or {},
    )
    began = time.monotonic()
    response = await core.invocation_request(
        _envelope(protos.StreamingMessage(invocation_request=request))
    )
    milliseconds = (time.monotonic() - began) * 1000
    succeeded = response.result.status == protos.StatusResult.Success
    log.info(
        "%s %s in %.0f ms (%s)",
        function.name,
        "succeeded" if succeeded else "failed",
        milliseconds,
        invocation,
    )
    if not succeeded:
        log.error("%s: %s", function.name, response.result.exception.stack_trace)
    return Result(succeeded, response.return_value)


def _envelope(message: protos.StreamingMessage) -> protos.Envelope:
    return protos.Envelope(request=message, properties={"host": "127.0.0.1", "protos": protos})


def _function(metadata: protos.RpcFunctionMetadata) -> Function:
    bindings = [json.loads(text) for text in metadata.raw_bindings]
    trigger = _resolved(_supported(metadata.name, bindings))
    return Function(id=metadata.function_id, name=metadata.name, trigger=trigger)


def _supported(name: str, bindings: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the trigger among the bindings, or raise AppError for what is not supported."""
    triggers = [each for each in bindings if each["type"].endswith("Trigger")]
    others = [each["type"] for each in bindings if each not in triggers and each["type"] != "http"]
    if len(triggers) != 1 or others:
        raise AppError(f"{name}: this host supports one trigger and the HTTP answer, not {others}")
    trigger = triggers[0]
    if trigger["type"] not in {"httpTrigger", "queueTrigger", "timerTrigger", "blobTrigger"}:
        raise AppError(f"{name}: this host has no {trigger['type']}")
    properties = trigger.get("properties", {})
    if trigger["type"] == "blobTrigger" and not properties.get("SupportsDeferredBinding"):
        raise AppError(f"{name}: this host binds a blob as BlobClient only")
    return trigger


def _resolved(trigger: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: resolve(value) if isinstance(value, str) else value for key, value in trigger.items()
    }


def resolve(text: str) -> str:
    """Replace each `%NAME%` by that setting.

    Raises AppError when there is no such setting.
    """

    def setting(match: re.Match[str]) -> str:
        value = os.environ.get(match[1])
        if value is None:
            raise AppError(f"the setting {match[1]} of {text} does not exist")
        return value

    return re.sub(r"%([^%]+)%", setting, text)
