"""Completes the OpenAPI document: what FastAPI writes of the routes, with what it cannot know.

Problems by status, headers, examples and links follow from what a route depends on, from what it
declares of itself (`documented`) and from the models of its bodies, so a new route is complete without
a line here.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.routing import RouteContext, iter_route_contexts

from shared.api.allowances import TooMany
from shared.api.dependencies import RAISES
from shared.api.openapi.declared import Declared, declared_by
from shared.api.openapi.examples import EXAMPLES
from shared.api.openapi.problem_examples import problem_example
from shared.api.problems import MEDIA_TYPE, OF_ANY_REQUEST, ProblemType, type_of
from shared.api.request_checks import LengthRequired
from shared.api.tokens import NotSignedIn
from shared.domain.errors import NotAllowed, NotFound, TryLater

type Json = dict[str, Any]

ABOUT = """\
Connections, exports, runs and schedules of Segment Exports.

**Roles.** A token speaks for an administrator, a contributor or a viewer; each operation answers 403
to those it is not for. What a caller may not see is 404.

**Pages.** Lists come in pages of `limit` items. While there is more, `next` holds a cursor: pass it
as `after` to get the page behind it. Cursors are opaque, stay valid, and skip nothing that was there
all the time.

**Changes.** What can be changed has an `ETag`. Send the one that you read as `If-Match`, and a change
that somebody else's overtook is refused with 412 instead of undoing theirs. Send it as `If-None-Match` to
learn by 304 that the answer is still the one that you have. HEAD answers whatever GET does.

**Limits.** A caller may send 600 requests a minute. What needs no token and comes from one network, such
as sign-ins that come back, may be 60, and so may be requests with a wrong token. What is more is answered 429
with `Retry-After`. An installation may have set other figures.

**Problems.** Whatever is refused is answered as `application/problem+json` (RFC 9457). `type` can be
looked up at this API, `detail` says what to do, and `id` finds the request in the logs.
"""

TAGS = [
    {"name": "about", "description": "Who the caller is, what there is, and whether the app runs."},
    {"name": "connections", "description": "Authorised links to accounts at destinations."},
    {"name": "exports", "description": "Which segments go to which list with which fields."},
    {"name": "runs", "description": "Executions of exports: progress, history, rejects."},
    {"name": "segments", "description": "What has landed in storage and can be exported."},
    {"name": "refresh schedule", "description": "When every export that follows it runs."},
    {"name": "audit", "description": "Who did what to which thing, and when."},
]

_TEXT = {"schema": {"type": "string"}}
_HEADERS: Json = {
    "ETag": _TEXT
    | {
        "description": "Names this version and this answer; send it as If-Match or If-None-Match.",
        "required": True,
    },
    "Location": _TEXT | {"description": "Where that which was made is.", "required": True},
    "WWW-Authenticate": _TEXT | {"description": "How to sign in (RFC 6750).", "required": True},
    "Retry-After": {
        "description": "Seconds until it is worth trying again, where that is known.",
        "schema": {"type": "integer"},
    },
}
_WIRE_NAMES = {"FieldType": "Kind", "Snapshot": "Facts"}
"""Schemas that callers know by another name than ours: generated clients have classes of these names."""

_HEADERS_OF = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}


def describe(app: FastAPI) -> Json:
    """Return the OpenAPI document of an app."""
    made = get_openapi(
        title=app.title,
        version=app.version,
        description=ABOUT,
        routes=app.routes,
        tags=TAGS,
        servers=[{"url": "/", "description": "Where this document was read."}],
        license_info={"name": "MIT", "identifier": "MIT"},
    )
    document = _with_wire_names(made)
    routes = {route.operation_id: route for route in _routes(app)}
    operations = [each for path in document["paths"].values() for each in path.values()]
    components = document["components"]
    components["headers"] = _HEADERS
    components["examples"] = {}
    for operation in operations:
        route = routes[operation["operationId"]]
        declared = declared_by(route.endpoint)
        operation.setdefault("security", [])
        _add_headers(operation, declared)
        if declared.etag and route.methods == {"GET"}:
            _add_not_modified(operation)
        _add_examples(operation, components["schemas"])
        types = _problem_types(route, declared, operation)
        _add_problems(operation, types.values(), components["examples"])
        _add_links(operation, declared, document["paths"])
    return document


def _with_wire_names(document: Json) -> Json:
    """Return a document whose schemas have the names that callers know, sorted by them."""
    text = json.dumps(document)
    for ours, theirs in _WIRE_NAMES.items():
        text = text.replace(f'"#/components/schemas/{ours}"', f'"#/components/schemas/{theirs}"')
        text = text.replace(f'"title": "{ours}"', f'"title": "{theirs}"')
    renamed: Json = json.loads(text)
    schemas = renamed["components"]["schemas"]
    named = {_WIRE_NAMES.get(name, name): schema for name, schema in schemas.items()}
    renamed["components"]["schemas"] = dict(sorted(named.items()))
    return renamed


def _routes(app: FastAPI) -> Iterator[RouteContext]:
    for route in iter_route_contexts(app.routes):
        if getattr(route, "operation_id", None):
            yield route


def _problem_types(
    route: RouteContext, declared: Declared, operation: Json
) -> dict[str, ProblemType]:
    """Return every type of problem that an operation may answer, by its slug."""
    types = [
        *OF_ANY_REQUEST,
        *map(type_of, declared.refusals),
        *map(type_of, _of_dependencies(route.dependant)),
        *map(type_of, _of_request(operation)),
    ]
    return {each.slug: each for each in types}


def _of_dependencies(dependant: Dependant) -> Iterator[type[Exception]]:
    yield from RAISES.get(dependant.call, ())
    for below in dependant.dependencies:
        yield from _of_dependencies(below)


def _of_request(operation: Json) -> Iterator[type[Exception]]:
    """Yield what follows from being signed in, from parameters and from a body."""
    parameters = operation.get("parameters", [])
    if operation["security"]:
        yield from (NotSignedIn, NotAllowed, TooMany, TryLater)  # what checking a token may end in
    if any(each["in"] == "path" for each in parameters):
        yield NotFound
    if "requestBody" in operation and operation["security"]:
        yield LengthRequired
    if (
        operation["security"]
        or "requestBody" in operation
        or any(_can_be_wrong(each) for each in parameters)
    ):
        yield RequestValidationError


def _can_be_wrong(parameter: Json) -> bool:
    return bool(parameter["schema"].keys() - {"type", "title", "description", "default"}) or (
        parameter["schema"].get("type") != "string"
    )


def _add_problems(operation: Json, types: Iterable[ProblemType], examples: Json) -> None:
    responses: Json = operation["responses"]
    for unknown in ("422", "default"):
        responses.pop(unknown, None)
    for each in sorted(types, key=lambda each: (each.status, each.slug)):
        examples[each.slug] = {"summary": str(each.title), "value": problem_example(each)}
        response = responses.setdefault(str(each.status), _problem(each.status))
        content = response["content"].setdefault(MEDIA_TYPE, _problem_content())
        content["examples"][each.slug] = {"$ref": f"#/components/examples/{each.slug}"}
        response["description"] = f"{response['description']} {each.title}.".lstrip()


def _problem(status: int) -> Json:
    headers = {name: _ref("headers", name) for name in _HEADERS_OF.get(status, ())}
    return {"description": "", "content": {}} | ({"headers": headers} if headers else {})


def _problem_content() -> Json:
    return {"schema": _ref("schemas", "Problem"), "examples": {}}


def _add_headers(operation: Json, declared: Declared) -> None:
    names = [*(["ETag"] if declared.etag else []), *(["Location"] if declared.location else [])]
    for _, response in _successes(operation):
        if names:
            response["headers"] = {name: _ref("headers", name) for name in names}


def _add_not_modified(operation: Json) -> None:
    operation.setdefault("parameters", []).append(
        {
            "name": "if-none-match",
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": "The ETag of an answer that you have, or several.",
        }
    )
    operation["responses"]["304"] = {
        "description": "What you have is still the answer.",
        "headers": {"ETag": _ref("headers", "ETag")},
    }


def _add_examples(operation: Json, schemas: Json) -> None:
    bodies = [operation.get("requestBody", {}), *(each for _, each in _successes(operation))]
    for body in bodies:
        for content in body.get("content", {}).values():
            if (example := _example(content["schema"], schemas)) is not None:
                content["example"] = example


def _example(schema: Json, schemas: Json) -> Any:
    """Return an example of a schema, made of those of the models in it; None if there is none."""
    if name := schema.get("$ref", "").rpartition("/")[2]:
        return EXAMPLES.get(name) or _example(schemas[name], schemas)
    if "anyOf" in schema:
        return _example(schema["anyOf"][0], schemas)
    if "next" in schema.get("properties", {}):
        item = _example(schema["properties"]["items"]["items"], schemas)
        return None if item is None else {"items": [item], "next": None}
    return None


def _add_links(operation: Json, declared: Declared, paths: Mapping[str, Json]) -> None:
    """Link to what can be done with the result: with what was made, and with the place in a list."""
    links: Json = {}
    if declared.location:
        for path, below in paths.items():
            if path == declared.location or path.startswith(f"{declared.location}/"):
                links |= {each["operationId"]: _link(each, "key", "id") for each in below.values()}
    in_address = any(each["name"] == "after" for each in operation.get("parameters", []))
    if in_address and any(
        "application/json" in each["content"] for _, each in _successes(operation)
    ):
        links["nextPage"] = _link(operation, "after", "next")  # else a header says where it is
    for _, response in _successes(operation):
        if links:
            response["links"] = links


def _link(target: Json, parameter: str, member: str) -> Json:
    return {
        "operationId": target["operationId"],
        "parameters": {parameter: f"$response.body#/{member}"},
    }


def _successes(operation: Json) -> Iterator[tuple[str, Json]]:
    return ((code, each) for code, each in operation["responses"].items() if code[0] == "2")


def _ref(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}
