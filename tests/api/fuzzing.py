"""Requests that schemathesis makes of the OpenAPI document, some of them with what really is there."""

import asyncio
import os
from collections.abc import Mapping, MutableMapping
from copy import deepcopy
from functools import cache
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from schemathesis import Case, HookContext, Response
from schemathesis.core.failures import Failure
from schemathesis.openapi.checks import EnsureResourceAvailability, UseAfterFree
from schemathesis.specs.openapi.schemas import OpenApiSchema

from local.identity import SigningKey
from shared.domain.connection import TERMS_VERSION
from tests.api.furnished import Furnished
from tests.api.office import contract
from tests.api.vendors import LINKED

EXAMPLES = os.environ.get("EXAMPLES")
"""How many examples `make fuzz` wants; without it there are few, and always the same."""

_ROLES = ["administrator", "administrator", "administrator", "contributor", "viewer"]
_WORDS = {
    "connections": ["SHARED", "PRIVATE", "DRAFT", "AGREED"],
    "exports": ["ON_SHARED", "ON_PRIVATE", "IDLE_ON_PRIVATE", "DETACHED"],
    "runs": ["RUN"],
}
_MEMBERS: Mapping[str, list[Any]] = {
    "destination": ["mailchimp", "constant_contact", "postbox"],
    "terms_version": [TERMS_VERSION],
    "host": ["acme"],
    "api_key": ["planted-key"],
    "secret_name": [LINKED],
    "list_id": ["a1", "a2", "news"],
    "segments": [["Customers"]],
    "fields": [{"email": "EMail"}, {"email": "EMail", "first_name": "FirstName"}],
    "clear_when_empty": [["first_name"]],
    "options": [[]],
    "schedule": [{"follows": "off"}, {"follows": "own", "own": {"times": ["06:30"]}}],
    "time_zone": ["Europe/Stockholm"],
    "name": ["Customers"],
    "slug": ["conflict"],
    "if-match": ["*"],
}


_OFTEN = 3
"""How many times as often as what was made up each thing is used that is there."""

_OFFICES: list[Furnished] = []


def effort(examples: int, steps: int = 8) -> settings:
    """Return how hard hypothesis tries: `examples` unless `make fuzz` asks for more.

    `steps` is how many requests follow each other at most where they do.
    """
    return settings(
        max_examples=int(EXAMPLES or examples),
        derandomize=EXAMPLES is None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        deadline=None,
        stateful_step_count=steps,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@cache
def furnish(key: SigningKey) -> Furnished:
    """Return the office that every case is sent to; it must be there before the first is made."""
    _OFFICES.append(asyncio.run(Furnished.make(key)))
    return _OFFICES[-1]


def the_office() -> Furnished:
    """Return the office."""
    return _OFFICES[-1]


@cache
def bearer(role: str) -> str:
    """Return what authorises a request of somebody with this role."""
    return f"Bearer {the_office().office.issuer.token(role)}"


@cache
def schema() -> OpenApiSchema:
    """Return what cases are made of."""
    # A copy: drawn bodies can be examples of the document, and are changed in place.
    made = schemathesis.openapi.from_dict(deepcopy(contract().document))
    made.app = contract().app
    # Who is let in is the matter of other tests; here every request is somebody's.
    made.config.generation.update(with_security_parameters=False)
    made.config.checks.ignored_auth.enabled = False
    # Much that the document allows is refused for what there is: an unknown id, a draft.
    made.config.checks.positive_data_acceptance.enabled = False
    made.config.checks.negative_data_rejection.expected_statuses = ["4xx"]
    made.hook("flatmap_case")(_with_what_is_there)
    made.hook("filter_failure")(_is_meant)
    return made


def _is_meant(_: HookContext, failure: Failure, case: Case[Any], __: Response) -> bool:
    """Let pass what is no fault of the API.

    A connection without such a list is 404, too, though it is there. A reading that was taken back is
    there, too: it says nothing.
    """
    if isinstance(failure, UseAfterFree):
        return not case.path.endswith("/reading")
    return not (isinstance(failure, EnsureResourceAvailability) and case.path.endswith("/fields"))


def complete(case: Case[Any]) -> None:
    """Complete a case that went through no draw, as those that try every limit of a schema do."""
    if "Authorization" in case.headers:
        return
    case.headers["Authorization"] = bearer("administrator")
    known = _known(the_office(), case.path)
    for part in _parts(case):
        there = {name: known[name.lower()][0] for name in part if known.get(name.lower())}
        _put(case, part, there)


def _parts(case: Case[Any]) -> list[MutableMapping[str, Any]]:
    body: Any = case.body
    parts = [case.path_parameters, case.query, case.headers, body]
    return [part for part in parts if isinstance(part, MutableMapping)]


def _put(case: Case[Any], part: MutableMapping[str, Any], changes: dict[str, Any]) -> None:
    """Change a part of a case, unless that would make right what the document forbids."""
    if part is not case.body:
        changes = {
            name: each for name, each in changes.items() if _is_allowed(case, name, part[name])
        }
    if changes and (part is not case.body or _is_as_wrong(case, changes)):
        part.update(changes)


def _is_allowed(case: Case[Any], name: str, value: Any) -> bool:
    """Say whether the document allows a value of a parameter."""
    parameters = contract().operations[case.operation.label].get("parameters", [])
    schemas = [each["schema"] for each in parameters if each["name"].lower() == name.lower()]
    return not any(contract().violations(schema, value) for schema in schemas)


def _with_what_is_there(_: HookContext, case: Case[Any]) -> st.SearchStrategy[Case[Any]]:
    """Put what exists in the place of some of what was made up, and say who asks."""
    office = the_office()
    tokens = [bearer(role) for role in _ROLES]
    parts = _parts(case)
    choices = [_choices(part, _known(office, case.path)) for part in parts]

    def chosen(drawn: tuple[str, tuple[dict[str, Any], ...]]) -> Case[Any]:
        token, members = drawn
        case.headers["Authorization"] = token
        for part, changes in zip(parts, members, strict=True):
            _put(case, part, changes)
        return case

    return st.tuples(st.sampled_from(tokens), st.tuples(*choices)).map(chosen)


def _is_as_wrong(case: Case[Any], changes: dict[str, Any]) -> bool:
    """Say whether a body that the document forbids is still forbidden with the changes."""
    body: Any = case.body
    schema = contract().operations[case.operation.label]["requestBody"]["content"][
        "application/json"
    ]["schema"]
    wrong = [bool(contract().violations(schema, each)) for each in (body, body | changes)]
    return wrong[0] == wrong[1]


def _known(office: Furnished, path: str) -> dict[str, list[Any]]:
    """Return what exists, by the name of the member or parameter that can hold it."""
    ids = {what: [office.names[word] for word in words] for what, words in _WORDS.items()}
    return dict(_MEMBERS) | {
        "key": ids.get((path.split("/") + [""] * 4)[3], []),
        "connection_id": ids["connections"],
        "run_id": [office.names["RUN"]],
        "token": [office.names["REPORT_TOKEN"]],
    }


def _choices(
    part: MutableMapping[str, Any], known: Mapping[str, list[Any]]
) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            name: st.sampled_from([value, *known[name.lower()] * _OFTEN])
            for name, value in part.items()
            if name.lower() in known
        }
    )
