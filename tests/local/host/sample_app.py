"""The app that the host's tests run: each function writes down what it was given.

It is copied as function_app.py into a folder of its own. Every line of the record is one call.
"""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import azure.functions as func
import azurefunctions.extensions.bindings.blob as blob

app = func.FunctionApp()


def record(function: str, **facts: Any) -> None:
    """Append one call to the record of this test."""
    line = json.dumps({"function": function, "pid": os.getpid(), **facts}) + "\n"
    descriptor = os.open(os.environ["RECORD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, line.encode())
    os.close(descriptor)


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer with what arrived."""
    message = await receive()
    if scope["path"] == "/fails":
        raise RuntimeError("asked to fail")
    facts = {
        "method": scope["method"],
        "path": scope["path"],
        "query": scope["query_string"].decode(),
        "header": dict(scope["headers"]).get(b"x-one", b"").decode(),
        "body": len(message.get("body", b"")),
    }
    headers = [(b"content-type", b"application/json"), (b"set-cookie", b"a=1; Path=/; HttpOnly")]
    headers.append((b"set-cookie", b"b=2; Max-Age=60; Secure; SameSite=Lax"))
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(facts).encode()})


@app.route(route="{*route}", auth_level=func.AuthLevel.ANONYMOUS)
async def web(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Stand for a web framework behind the adapter."""
    response: func.HttpResponse = await func.AsgiMiddleware(echo).handle_async(req, context)
    return response


@app.route(route="keyed/{name}", auth_level=func.AuthLevel.FUNCTION)
def keyed(req: func.HttpRequest) -> str:
    """Be out of reach: the host has no keys."""
    return "never"


@app.route(route="answers/{kind}", methods=["PUT"], auth_level=func.AuthLevel.ANONYMOUS)
def plain(req: func.HttpRequest) -> str:
    """Take one method and a route parameter."""
    return str(req.route_params["kind"])


@app.queue_trigger(arg_name="message", queue_name="work-%NAMES%", connection="DataStorage")
async def work(message: func.QueueMessage) -> None:
    """Do what the message says."""
    text = message.get_body().decode()
    record(
        "work",
        text=text,
        id=message.id,
        count=message.dequeue_count,
        times=[str(message.insertion_time), str(message.expiration_time)],
        next=str(message.time_next_visible),
    )
    verb, _, argument = text.partition(" ")
    if verb == "fail":
        raise RuntimeError("asked to fail")
    if verb == "wait":
        while not Path(argument).exists():  # noqa: ASYNC110, ASYNC240 - a test creates it
            await asyncio.sleep(0.05)
        record("work", text=f"done {argument}")


@app.queue_trigger(arg_name="message", queue_name="work-%NAMES%-poison", connection="DataStorage")
def poisoned(message: func.QueueMessage) -> None:
    """Take what the other gave up."""
    record("poisoned", text=message.get_body().decode(), count=message.dequeue_count)


@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
def yearly(timer: func.TimerRequest) -> None:
    """Hardly ever run by itself."""
    facts = timer.to_dict()
    record("yearly", past_due=timer.past_due, status=facts["schedule_status"])


@app.timer_trigger(arg_name="timer", schedule="* * * * * *")
async def secondly(timer: func.TimerRequest) -> None:
    """Run as often as a timer can."""
    if os.environ.get("SECONDLY"):
        record("secondly", past_due=timer.past_due)


@app.blob_trigger(
    arg_name="client",
    path="drops-%NAMES%/in/{name}.csv",
    connection="DataStorage",
    source=func.BlobSource.LOGS_AND_CONTAINER_SCAN,
)
def scanned(client: blob.BlobClient) -> None:
    """Read a blob that the host found."""
    content = client.download_blob().readall().decode()
    record("scanned", name=client.blob_name, content=content)
    if content == "fail":
        raise RuntimeError("asked to fail")


@app.blob_trigger(
    arg_name="client",
    path="drops-%NAMES%/{name}",
    connection="DataStorage",
    source=func.BlobSource.EVENT_GRID,
)
async def told(client: blob.BlobClient) -> None:
    """Take a blob that an event named."""
    record("told", name=client.blob_name)
