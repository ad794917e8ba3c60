"""The app that the host's tests run: each function writes down what it was given.

It is copied as function_app.py into a folder of its own. Every line of the record is one call.
"""

import asyncio
import json
import os
import time
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


Headers = list[tuple[bytes, bytes]]
PLAIN: Headers = [(b"content-type", b"application/json")]
KEPT = [
    "etag",
    "link",
    "cache-control",
    "content-security-policy",
    "content-encoding",
    "retry-after",
    "www-authenticate",
]
TOGETHER: list[str] = []
COOKIES = [
    b"a=1; Path=/; HttpOnly",
    b"b=2; Max-Age=60; Secure; SameSite=Lax",
    b"__Host-c=x/y; Path=/; Secure; HttpOnly; SameSite=Strict",
    b"d=4; Path=/; Secure; Partitioned",
]
ANSWERS: dict[str, tuple[int, Headers, bytes]] = {
    "/cookies": (200, [*PLAIN, *((b"set-cookie", each) for each in COOKIES)], b"{}"),
    "/repeated": (200, [*PLAIN, (b"link", b"<a>"), (b"link", b"<b>")], b"{}"),
    "/repeated-otherwise": (200, [*PLAIN, (b"Vary", b"a"), (b"vary", b"b")], b"{}"),
    "/letters": (200, [*PLAIN, (b"x-name", "\u00e9".encode())], b"{}"),
    "/line": (200, [*PLAIN, (b"x-name", b"a\r\nb: c")], b"{}"),
    "/known-length": (200, [*PLAIN, (b"content-length", b"2")], b"{}"),
    "/wrong-length": (200, [*PLAIN, (b"content-length", b"9")], b"{}"),
    "/own-server": (200, [*PLAIN, (b"server", b"ours")], b"{}"),
    "/headers": (200, [*PLAIN, *((name.encode(), b"a, b; c") for name in KEPT)], b"{}"),
    "/without-type": (200, [], b"text"),
    "/nothing": (204, [], b""),
    "/unchanged": (304, [], b""),
}


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer with what arrived."""
    message = await receive()
    if scope["path"] == "/fails":
        raise RuntimeError("asked to fail")
    if scope["path"] == "/together":
        TOGETHER.append(scope["path"])
        while len(TOGETHER) < 200:  # noqa: ASYNC110 - what the others wait for, too
            await asyncio.sleep(0.01)
    facts = {
        "method": scope["method"],
        "path": scope["path"],
        "raw_path": scope["raw_path"].decode(),
        "query": scope["query_string"].decode(),
        "header": dict(scope["headers"]).get(b"x-one", b"").decode(),
        "forwarded": dict(scope["headers"]).get(b"x-forwarded-for", b"").decode(),
        "client": scope["client"],
        "body": len(message.get("body", b"")),
    }
    status, headers, body = ANSWERS.get(scope["path"], (201, PLAIN, json.dumps(facts).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@app.route(route="{*route}", methods=list(func.HttpMethod), auth_level=func.AuthLevel.ANONYMOUS)
async def web(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Stand for a web framework behind the adapter."""
    response: func.HttpResponse = await func.AsgiMiddleware(echo).handle_async(req, context)
    return response


@app.route(route="keyed/{name}", auth_level=func.AuthLevel.FUNCTION)
def keyed(req: func.HttpRequest) -> str:
    """Be in reach for who has a key."""
    return "opened"


@app.route(route="locked", auth_level=func.AuthLevel.ADMIN)
def locked(req: func.HttpRequest) -> str:
    """Be in reach for who has the master key."""
    return "opened"


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
    """Take a blob that an event named, and fail or wait where its name says so."""
    record("told", name=client.blob_name, at=time.monotonic())
    if "fail" in client.blob_name:
        raise RuntimeError("asked to fail")
    if "wait" in client.blob_name:
        while not Path(os.environ["RECORD"]).with_name("gate").exists():  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.05)
