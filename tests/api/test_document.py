"""The OpenAPI document says all that a caller or a client generator needs."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from local.redocly import lint
from tests.api.contract import Json
from tests.api.office import Office, contract

DOCUMENT = contract().document
OPERATIONS = contract().operations
PROBLEM = "application/problem+json"
# What an operation does is its first word.
VERBS = (
    "add|attach|cancel|change|check|connect|copy|create|detach|finish|get|give|list|preview|remove"
    "|report|run|save|set|show|try"
)


def bodies(operation: Json) -> Iterator[tuple[str, Json]]:
    """Yield the media type and the content of what is asked and of what is answered if all is well."""
    answers = [each for status, each in operation["responses"].items() if status < "3"]
    for body in [operation.get("requestBody", {}), *answers]:
        yield from body.get("content", {}).items()


def problems(operation: Json) -> Iterator[tuple[str, Json]]:
    for status, response in operation["responses"].items():
        if PROBLEM in response.get("content", {}):
            yield status, response["content"][PROBLEM]


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts(each)


def references(value: Any) -> Iterator[str]:
    return (text for text in texts(value) if text.startswith("#/components/schemas/"))


def test_it_is_served(office: Office) -> None:
    assert json.loads(json.dumps(office.app.openapi())) == DOCUMENT


def test_operations_have_names_of_their_own_that_begin_with_a_verb() -> None:
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names) > 25
    assert [name for name in names if not re.fullmatch(rf"({VERBS})[A-Z]\w+", name)] == []


@pytest.mark.parametrize("request_line", OPERATIONS)
def test_an_operation_is_explained_with_examples_and_each_of_its_problems(
    request_line: str,
) -> None:
    operation = OPERATIONS[request_line]
    assert operation["summary"]
    assert operation["description"]
    assert {"500", "413"} <= operation["responses"].keys()
    assert not [status for status in operation["responses"] if not status.isdecimal()]
    for media_type, content in bodies(operation):
        if media_type == "application/json":
            assert "example" in content
            assert contract().violations(content["schema"], content["example"]) == []
    for status, content in problems(operation):
        assert content["examples"]
        for reference in content["examples"].values():
            example = DOCUMENT["components"]["examples"][reference["$ref"].rpartition("/")[2]]
            assert str(example["value"]["status"]) == status
            assert contract().violations(content["schema"], example["value"]) == []


def test_no_body_takes_members_that_are_not_documented() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    asked = {
        name.rpartition("/")[2]
        for each in OPERATIONS.values()
        for name in references(each.get("requestBody", {}))
    }
    assert asked
    assert [name for name in asked if schemas[name].get("additionalProperties") is not False] == []


def test_what_needs_a_token_says_so_and_what_it_takes_away() -> None:
    closed = [each for each in OPERATIONS.values() if each["security"]]
    assert closed
    for operation in closed:
        assert {"401", "403", "503"} <= operation["responses"].keys()
    (scheme,) = DOCUMENT["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")


def test_no_example_holds_an_address_or_a_host_of_anybody() -> None:
    examples = [
        content.get("example") for each in OPERATIONS.values() for _, content in bodies(each)
    ]
    told = [*texts(examples), *texts(DOCUMENT["components"]["examples"])]
    hosts = {host for text in told for host in re.findall(r"(?:@|//)([\w.-]+)", text)}
    assert hosts == {"login.example.com"}
    assert not [text for text in told if re.search(r"secret$|key-|[Bb]earer \S{20}", text)]


def test_what_is_created_links_to_what_can_be_done_with_it() -> None:
    created = OPERATIONS["POST /api/v1/exports"]["responses"]["201"]
    assert created["links"]["runExport"]["parameters"] == {"key": "$response.body#/id"}
    assert {"ETag", "Location"} == created["headers"].keys()


def test_the_linter_finds_nothing() -> None:
    found = lint(DOCUMENT)
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_linter_finds_what_is_wrong() -> None:
    spoilt = json.loads(json.dumps(DOCUMENT))
    del spoilt["paths"]["/api/v1/exports"]["get"]["summary"]
    found = lint(spoilt)
    assert found.returncode == 1
    assert "operation-summary" in found.stdout
