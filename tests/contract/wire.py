"""Requests held against the descriptions that the vendors publish of their APIs.

The descriptions are reference data and lie beside the project, not in it; without them the tests that
need them are skipped. Where a description is known to be wrong or old, GAPS says so and why.
"""

import gzip
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from jsonschema import Draft202012Validator

SPECS = Path(__file__).parents[3] / "shared" / "specs"
needs_specs = pytest.mark.skipif(
    not SPECS.is_dir(), reason="the vendors' descriptions are not here"
)

_FILES = {
    "mailchimp": ("mailchimp-marketing-3.0.trimmed.swagger2.json", "/3.0"),
    "constant_contact": ("constant-contact-v3.trimmed.swagger2.json", "/v3"),
    "activecampaign": ("activecampaign-v3.trimmed.openapi31.json", "/api/3"),
}
_SIGN_IN = re.compile(r"/oauth2/")  # none of the descriptions tells of signing in


@dataclass(frozen=True)
class Gap:
    """Something that a description lacks or has wrong. `what` is matched from the end of a violation."""

    vendor: str
    what: str
    because: str


GAPS = (
    Gap(
        "mailchimp",
        "unknown key members[].status_if_new",
        "In the vendor's 2026 SDK and documentation; description 3.0.55 is older.",
    ),
    Gap(
        "mailchimp",
        "POST /lists/{list_id}: unknown parameter fields",
        "Listed for GET only; other programs use it for POST. A setting turns it off.",
    ),
    Gap(
        "constant_contact",
        "GET /contact_custom_fields: unknown operation",
        "The description here is trimmed; the call is in the vendor's full one.",
    ),
    Gap(
        "constant_contact",
        "unknown key import_data[].cf:*",
        "Custom fields are named by their owner: the text describes cf:<name>.",
    ),
    Gap(
        "constant_contact",
        "unknown parameter cursor",
        "Stands in the links to next pages that the description promises, not among parameters.",
    ),
    Gap(
        "constant_contact",
        "import_data[].email: maxLength 50",
        "80 in the schema of addresses and in the help pages; the run's timeline warns of more.",
    ),
    Gap(
        "activecampaign",
        "unknown key exclude_automations",
        "The documentation's prose and other programs put it beside the contacts.",
    ),
    Gap(
        "activecampaign",
        "unknown key contacts[].exclude_automations",
        "In the vendor's own example, not in its schema.",
    ),
    Gap(
        "activecampaign",
        "contacts[].subscribe[].listid is not of type 'string'",
        "A number in every example of the vendor.",
    ),
    Gap(
        "activecampaign",
        "unknown parameter offset",
        "Paging is described once for all lists of the API, not for each.",
    ),
    Gap(
        "activecampaign",
        "unknown parameter limit",
        "As offset.",
    ),
)


@dataclass(frozen=True)
class Sent:
    """A request as it went over the wire, without what authorised it."""

    method: str
    path: str
    query: Sequence[tuple[str, str]]
    body: bytes


@dataclass
class Wire(httpx.AsyncBaseTransport):
    """A network that remembers what was sent."""

    transport: httpx.AsyncBaseTransport
    requests: list[Sent] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Note a request and pass it on."""
        body = await request.aread()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        query = parse_qsl(request.url.query.decode(), keep_blank_values=True)
        self.requests.append(Sent(request.method, request.url.path, query, body))
        return await self.transport.handle_async_request(request)


def violations(vendor: str, requests: Iterable[Sent]) -> list[str]:
    """Return what in these requests the vendor's description does not allow, each once."""
    spec = _Spec.of(vendor)
    found = {
        problem
        for request in requests
        if not _SIGN_IN.search(request.path)
        for problem in spec.problems(request)
    }
    gaps = [gap.what for gap in GAPS if gap.vendor == vendor]
    return sorted(each for each in found if not any(map(each.endswith, gaps)))


def violations_of_log(vendor: str, file: Path) -> list[str]:
    """Return the same for what a sandbox recorded: a JSON object a line (local/sandbox/kit/recording.py)."""
    lines = (json.loads(line) for line in file.read_text().splitlines())
    return violations(
        vendor,
        [
            Sent(one["method"], one["path"], parse_qsl(one["query"]), one["body"].encode())
            for one in lines
        ],
    )


@dataclass(frozen=True)
class _Spec:
    base: str
    document: Mapping[str, Any]

    @classmethod
    @cache
    def of(cls, vendor: str) -> "_Spec":
        name, base = _FILES[vendor]
        return cls(base, json.loads((SPECS / name).read_text()))

    def problems(self, request: Sent) -> Iterator[str]:
        _, _, path = request.path.rpartition(self.base)
        found = self._operation(request.method, path or "/")
        if found is None:
            yield f"{request.method} {path}: unknown operation"
            return
        template, operation = found
        for problem in (*self._query(request, operation), *self._body(request, operation)):
            yield f"{request.method} {template}: {problem}"

    def _operation(self, method: str, path: str) -> tuple[str, Mapping[str, Any]] | None:
        templates = sorted(self.document["paths"], key=lambda each: each.count("{"))
        for template in templates:
            if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path):
                operation = self.document["paths"][template].get(method.lower())
                return (template, operation) if operation else None
        return None

    def _query(self, request: Sent, operation: Mapping[str, Any]) -> Iterator[str]:
        known = {
            each["name"]: each
            for each in map(self._whole, operation.get("parameters", ()))
            if each["in"] == "query"
        }
        given = dict(request.query)
        for name in given.keys() - known.keys():
            yield f"unknown parameter {name}"
        for name, parameter in known.items():
            if name in given:
                yield from self._value(name, given[name], parameter.get("schema", parameter))
            elif parameter.get("required"):
                yield f"parameter {name} is missing"

    def _value(self, name: str, text: str, schema: Mapping[str, Any]) -> Iterator[str]:
        kind = schema.get("type")
        value: object = text
        if kind in ("integer", "number", "boolean"):
            try:
                value = json.loads(text)
            except ValueError:
                value = text
        elif kind == "array":
            value = text.split(",")
        for error in Draft202012Validator(_plain(schema)).iter_errors(value):
            yield f"parameter {name}: {error.message}"

    def _body(self, request: Sent, operation: Mapping[str, Any]) -> Iterator[str]:
        schema = self._body_schema(operation)
        if schema is None:
            if request.body:
                yield "a body that is not described"
            return
        try:
            body = json.loads(request.body)
        except ValueError:
            yield "the body is no JSON"
            return
        for error in Draft202012Validator(self._strict(schema)).iter_errors(body):
            where = _place(error.absolute_path)
            if error.validator == "additionalProperties":
                for key in sorted(set(error.instance) - set(error.schema.get("properties", ()))):
                    shown = "cf:*" if key.startswith("cf:") else key
                    yield f"unknown key {where}.{shown}".replace("key .", "key ")
            elif error.validator == "type":
                yield f"{where} is not of type {error.validator_value!r}"
            else:
                yield f"{where}: {error.validator} {error.validator_value!r}"

    def _body_schema(self, operation: Mapping[str, Any]) -> Mapping[str, Any] | None:
        for parameter in map(self._whole, operation.get("parameters", ())):
            if parameter["in"] == "body":
                described: Mapping[str, Any] = self._whole(parameter["schema"])
                return described
        content = operation.get("requestBody", {}).get("content", {})
        schema: Mapping[str, Any] | None = None
        if content:
            schema = self._whole(content["application/json"]["schema"])
        return schema

    def _strict(self, schema: Any) -> Any:
        """Return a schema without references, that allows no key which it does not name."""
        schema = self._whole(schema)
        strict = {
            key: [self._strict(each) for each in value]
            if key in ("allOf", "anyOf", "oneOf")
            else self._strict(value)
            if key in ("items", "additionalProperties") and isinstance(value, dict)
            else {name: self._strict(each) for name, each in value.items()}
            if key == "properties"
            else value
            for key, value in _plain(schema).items()
        }
        if "properties" in strict:
            strict.setdefault("additionalProperties", False)
        return strict

    def _whole(self, part: Any) -> Any:
        while "$ref" in part:
            found: Any = self.document
            for step in part["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            part = found
        return part


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what a parameter has beside its schema, and what JSON Schema reads differently."""
    other = {"required", "in", "name", "description", "default", "format", "example", "readOnly"}
    keep_required = isinstance(schema.get("required"), list)
    return {
        key: value
        for key, value in schema.items()
        if (key not in other and not key.startswith("x-")) or (key == "required" and keep_required)
    }


def _place(path: Iterable[str | int]) -> str:
    text = ""
    for step in path:
        text += "[]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text
