"""Answers of the API held against its own OpenAPI document, whatever the test that asked is about."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx
from fastapi import FastAPI
from jsonschema import Draft202012Validator

type Json = dict[str, Any]

_TOLD = ("ETag", "Location", "Retry-After", "WWW-Authenticate")


@dataclass
class Contract:
    """The OpenAPI document of an app, and which operation of it a request is for."""

    app: FastAPI

    @cached_property
    def document(self) -> Json:
        """The document as the app serves it."""
        return self.app.openapi()

    @cached_property
    def operations(self) -> dict[str, Json]:
        """Every operation, by its method and path."""
        return {
            f"{method.upper()} {path}": operation
            for path, operations in self.document["paths"].items()
            for method, operation in operations.items()
        }

    @cached_property
    def _patterns(self) -> dict[str, re.Pattern[str]]:
        # What is written out wins over what is in braces, as it does in the app.
        known = sorted(self.operations, key=lambda request: (request.count("{"), request))
        return {each: re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(each))) for each in known}

    def operation_of(self, method: str, path: str) -> str | None:
        """Return the method and path of the operation that a request is for, or None."""
        asked = f"{method} {path}"
        return next((key for key, each in self._patterns.items() if each.fullmatch(asked)), None)

    async def hold(self, response: httpx.Response) -> None:
        """Fail unless the document tells of such an answer to such a request, and the host passes it on."""
        _hold_headers(response)
        key = self.operation_of(response.request.method, response.request.url.path)
        if key is None:
            return
        told = self.operations[key]["responses"].get(str(response.status_code))
        assert told, f"{key}: {response.status_code} is not documented"
        headers = {name: self._header(each) for name, each in told.get("headers", {}).items()}
        required = {name for name, header in headers.items() if header.get("required")}
        assert required <= _given(response) <= headers.keys(), f"{key}: wrong headers"
        await self._hold_body(f"{key}: {response.status_code}", told, response)

    async def _hold_body(self, what: str, told: Json, response: httpx.Response) -> None:
        body = await response.aread()
        if "content" not in told:
            assert not body, f"{what} has a body"
            return
        media_type = response.headers["Content-Type"].partition(";")[0]
        assert media_type in told["content"], f"{what} is {media_type}"
        if media_type.endswith("json"):
            schema = told["content"][media_type]["schema"]
            found = self.violations(schema, response.json())
            assert not found, f"{what}: {found}"

    def violations(self, schema: Json, value: Any) -> list[str]:
        """Say what is wrong with a value."""
        whole = {"components": self.document["components"], **schema}
        return [
            f"{error.json_path}: {error.message}"
            for error in Draft202012Validator(whole).iter_errors(value)
        ]

    def _header(self, header: Json) -> Json:
        found: Json = self.document["components"]["headers"].get(
            header.get("$ref", "").rpartition("/")[2], header
        )
        return found


def _hold_headers(response: httpx.Response) -> None:
    """Fail where the Functions host would drop a header, of which it keeps the last, or break the answer."""
    names = [name.lower() for name, _ in response.headers.raw if name.lower() != b"set-cookie"]
    assert len(names) == len(set(names)), f"a header stands twice: {names}"
    assert all(name.isascii() and value.isascii() for name, value in response.headers.raw)


def _given(response: httpx.Response) -> set[str]:
    """Return the headers of an answer that a document must tell of."""
    return {name for name in _TOLD if name in response.headers}
