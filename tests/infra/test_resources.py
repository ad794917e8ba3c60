"""What the templates create is what the code needs, locked as far as it can be."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from local.storage import CONTAINERS, QUEUES, TABLES
from shared.domain.people import Role
from tests.docs.pages import ROOT
from tests.infra.templates import Template, every

TEMPLATES = every()
MAIN = TEMPLATES["main.bicep"]
DATA: dict[str, Any] = MAIN.modules["dataStorage"][1]
HOST: dict[str, Any] = MAIN.modules["hostStorage"][1]

# Source: learn.microsoft.com/azure/role-based-access-control/built-in-roles
ROLES = {
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Storage Blob Data Reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "Storage Queue Data Contributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "Storage Table Data Contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "Key Vault Secrets Officer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
}
GRANTED = {
    ("main.bicep", "Storage Blob Data Owner"),  # of the host's own account
    ("main.bicep", "Storage Queue Data Contributor"),
    ("main.bicep", "Storage Table Data Contributor"),
    ("main.bicep", "Storage Blob Data Reader"),
    ("main.bicep", "Storage Blob Data Contributor"),
    ("storage.bicep", "Storage Queue Data Contributor"),
    ("storage.bicep", "Storage Table Data Contributor"),
    ("container-role.bicep", "Storage Blob Data Contributor"),
    ("vault.bicep", "Key Vault Secrets Officer"),
    ("linked-vault.bicep", "Key Vault Secrets User"),
    ("monitoring.bicep", "Monitoring Metrics Publisher"),
}
_ROLE = re.compile(
    r"'(\w{8}-\w{4}-\w{4}-\w{4}-\w{12})'\)? // ((?:Storage|Key Vault|Monitoring) [\w ]+)"
)
_ID = re.compile(r"'(\w{8}-\w{4}-\w{4}-\w{4}-\w{12})'")
AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"  # the one id that is no role


def at(template: Template, resource: str, path: str) -> Any:
    """Return a property of a resource by its path."""
    value: Any = template.resources[resource]
    for step in path.split("."):
        value = value[int(step)] if step.isdigit() else value[step]
    return value


def test_the_data_account_holds_what_the_code_uses() -> None:
    assert {container["name"] for container in DATA["containers"]} == {*CONTAINERS, "deadletters"}
    assert set(DATA["queues"]) == {*QUEUES, "webjobs-blobtrigger-poison"}  # that is the host's
    assert set(DATA["tables"]) == set(TABLES)


def test_what_grows_is_deleted_after_a_while() -> None:
    days = {container["name"]: container.get("days") for container in DATA["containers"]}
    assert days == {
        "runs": 90,
        "deadletters": 30,
        "segments": None,
        "delivered": None,
        "lanes": None,
    }


def test_the_app_has_no_right_on_the_data_account_as_a_whole_and_only_reads_segments() -> None:
    assert "accountRoles" not in DATA
    assert (
        "var blobReader = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1' // Storage Blob Data Reader"
        in MAIN.text
    )
    rights = {container["name"]: container.get("role") for container in DATA["containers"]}
    assert rights == {
        "segments": "blobReader",
        "runs": "blobContributor",
        "delivered": "blobContributor",
        "lanes": "blobContributor",
        "deadletters": None,
    }


def role_problems(templates: Mapping[str, Template]) -> list[str]:
    """Return which roles are given and should not be, or the other way round, and which are misnamed."""
    given, problems = set(), []
    for name, template in templates.items():
        named = [(role, title_of(comment)) for role, comment in _ROLE.findall(template.text)]
        given |= {(name, title) for _, title in named}
        problems += [
            f"{name}: {role} is not {title}" for role, title in named if ROLES[title] != role
        ]
        unnamed = {*_ID.findall(template.text)} - {role for role, _ in named} - {AZURE_CLI}
        problems += [f"{name}: {role} has no name" for role in sorted(unnamed)]
    problems += [f"{name}: {title} is not needed" for name, title in sorted(given - GRANTED)]
    return problems + [f"{name}: {title} is missing" for name, title in sorted(GRANTED - given)]


def title_of(comment: str) -> str:
    """Return the name of a role without what a comment says behind it."""
    return next(title for title in ROLES if comment.startswith(title))


def test_roles_are_those_that_are_needed_and_each_has_its_right_name() -> None:
    assert role_problems(TEMPLATES) == []


@pytest.mark.parametrize(
    ("old", "new", "problems"),
    [
        (
            "'4633458b-17de-408a-b874-0445c86b69e6' // Key Vault Secrets User",
            "'b86a8fe4-44ce-4948-aee5-eccb2c155cd7' // Key Vault Secrets Officer",
            [
                "linked-vault.bicep: Key Vault Secrets Officer is not needed",
                "linked-vault.bicep: Key Vault Secrets User is missing",
            ],
        ),
        (
            "'4633458b-17de-408a-b874-0445c86b69e6' //",
            "'b86a8fe4-44ce-4948-aee5-eccb2c155cd7' //",
            [
                "linked-vault.bicep: b86a8fe4-44ce-4948-aee5-eccb2c155cd7 is not Key Vault Secrets User"
            ],
        ),
        (
            "var no = 1",
            "'8e3af657-a8ff-443c-a75c-2fe8c4bcb635'",  # Owner
            ["linked-vault.bicep: 8e3af657-a8ff-443c-a75c-2fe8c4bcb635 has no name"],
        ),
    ],
)
def test_a_role_too_much_or_under_a_false_name_is_found(
    old: str, new: str, problems: list[str]
) -> None:
    vault = TEMPLATES["linked-vault.bicep"]
    text = vault.text + "var no = 1\n"
    assert text.count(old) == 1
    spoilt = replace(vault, text=text.replace(old, new))
    assert role_problems(TEMPLATES | {vault.name: spoilt}) == problems


def test_the_app_may_do_with_secrets_what_its_code_does() -> None:
    permissions = at(TEMPLATES["vault.bicep"], "keeper", "properties.permissions")
    secrets = "Microsoft.KeyVault/vaults/secrets"
    assert permissions == [
        {
            "dataActions": [
                f"{secrets}/getSecret/action",
                f"{secrets}/setSecret/action",
                f"{secrets}/delete",
                f"{secrets}/readMetadata/action",
            ]
        }
    ]


def test_people_get_the_roles_that_the_code_knows() -> None:
    signed = TEMPLATES["sign-in.bicep"].tree["variables"]["roles"]["value"]
    assert [role["value"] for role in signed] == [role.value for role in Role]


@pytest.mark.parametrize(
    ("file", "resource", "path", "value"),
    [
        ("storage.bicep", "account", "properties.allowSharedKeyAccess", False),
        ("storage.bicep", "account", "properties.allowBlobPublicAccess", False),
        ("storage.bicep", "account", "properties.supportsHttpsTrafficOnly", True),
        ("storage.bicep", "account", "properties.minimumTlsVersion", "TLS1_2"),
        ("vault.bicep", "vault", "properties.enableRbacAuthorization", True),
        ("vault.bicep", "vault", "properties.enablePurgeProtection", True),
        ("vault.bicep", "vault", "properties.enableSoftDelete", True),
        ("monitoring.bicep", "insights", "properties.DisableLocalAuth", True),
        ("app.bicep", "plan", "sku.name", "FC1"),
        ("app.bicep", "app", "properties.httpsOnly", True),
        ("app.bicep", "app", "properties.siteConfig.minTlsVersion", "1.2"),
        ("app.bicep", "app", "properties.functionAppConfig.runtime.name", "python"),
        ("app.bicep", "app", "properties.functionAppConfig.siteUpdateStrategy.type", "siteUpdateStrategy"),
        ("app.bicep", "app", "properties.functionAppConfig.scaleAndConcurrency.instanceMemoryMB", 2048),
        (
            "app.bicep",
            "app",
            "properties.functionAppConfig.scaleAndConcurrency.alwaysReady.0",
            {"name": "blob", "instanceCount": 1},
        ),
        (
            "app.bicep",
            "app",
            "properties.functionAppConfig.scaleAndConcurrency.triggers.http.perInstanceConcurrency",
            16,
        ),
        ("app.bicep", "passwords", "properties.allow", False),
        ("sign-in.bicep", "principal", "appRoleAssignmentRequired", True),
        ("sign-in.bicep", "registration", "api.requestedAccessTokenVersion", 2),
        ("topic.bicep", "topic", "identity.type", "SystemAssigned"),
        (
            "events.bicep",
            "subscription",
            "properties.filter.includedEventTypes",
            ["Microsoft.Storage.BlobCreated"],
        ),
        (
            "events.bicep",
            "subscription",
            "properties.filter.subjectBeginsWith",
            "/blobServices/default/containers/segments/blobs/",
        ),
        (
            "events.bicep",
            "subscription",
            "properties.filter.advancedFilters",
            [
                {
                    "operatorType": "StringIn",
                    "key": "data.api",
                    "values": ["CopyBlob", "FlushWithClose", "PutBlob", "PutBlockList", "SftpCommit"],
                }
            ],
        ),
        (
            "events.bicep",
            "subscription",
            "properties.deadLetterWithResourceIdentity.deadLetterDestination.properties.blobContainerName",
            "deadletters",
        ),
    ],
)  # fmt: skip
def test_a_property_that_matters_is_set(file: str, resource: str, path: str, value: object) -> None:
    assert at(TEMPLATES[file], resource, path) == value


def test_the_app_runs_on_the_version_of_python_that_it_is_developed_with() -> None:
    runtime = at(TEMPLATES["app.bicep"], "app", "properties.functionAppConfig.runtime.version")
    assert runtime == (ROOT / ".python-version").read_text().strip()


def test_events_go_to_the_function_that_takes_them() -> None:
    url = at(
        TEMPLATES["events.bicep"], "subscription", "properties.destination.properties.endpointUrl"
    )
    [name] = re.findall(r"functionName=Host\.Functions\.(\w+)&", url)
    assert f"async def {name}(" in (ROOT / "functions/arrivals.py").read_text()


def test_no_output_of_the_deployment_is_a_secret() -> None:
    for name, template in TEMPLATES.items():
        for line in re.findall(r"^output .*$", template.text, re.MULTILINE):
            assert not re.search(r"listKeys|webhook|[Ss]ecret|[Kk]ey\b", line), (name, line)
