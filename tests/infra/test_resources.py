"""What the templates come to is what the code needs, named as Azure allows, locked as far as it can be."""

import json
import re
from typing import Any

import pytest

from local.storage import CONTAINERS, QUEUES, TABLES
from shared.domain.people import Role
from shared.storage.paths import POISON_ARRIVALS, POISON_SLICES
from tests.docs.pages import ROOT, rows, section
from tests.infra.evaluated import FULL, SETS, TRIAL, Evaluated

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
# Source: learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
NAMES = {
    "Microsoft.Resources/resourceGroups": r"[\w().-]{0,89}[\w()-]",
    "Microsoft.Storage/storageAccounts": r"[a-z0-9]{3,24}",
    "Microsoft.Storage/storageAccounts/blobServices/containers": r"[a-z0-9](-?[a-z0-9]){2,62}",
    "Microsoft.Storage/storageAccounts/queueServices/queues": r"[a-z0-9](-?[a-z0-9]){2,62}",
    "Microsoft.Storage/storageAccounts/tableServices/tables": r"[A-Za-z][A-Za-z0-9]{2,62}",
    "Microsoft.KeyVault/vaults": r"[A-Za-z](-?[A-Za-z0-9]){2,23}",
    "Microsoft.ManagedIdentity/userAssignedIdentities": r"[A-Za-z0-9][\w-]{2,127}",
    "Microsoft.OperationalInsights/workspaces": r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]",
    "Microsoft.Insights/components": r"[^%&?/]{0,259}[^%&?/. ]",
    "Microsoft.Insights/actionGroups": r"[^/&%?#+=:<>;]{1,260}",
    "Microsoft.Insights/scheduledQueryRules": r"[^*#&+:<>?@%{}\\/]{0,259}[^*#&+:<>?@%{}\\/. ]",
    "Microsoft.Insights/metricAlerts": r"[^*#&+:<>?@%{}\\/]{0,259}[^*#&+:<>?@%{}\\/. ]",
    "Microsoft.Web/serverfarms": r"[A-Za-z0-9-]{1,60}",
    "Microsoft.Web/sites": r"[A-Za-z0-9][A-Za-z0-9-]{0,58}[A-Za-z0-9]",
    "Microsoft.EventGrid/systemTopics": r"[A-Za-z0-9-]{3,50}",
    "Microsoft.Network/virtualNetworks": r"[A-Za-z0-9][\w.-]{0,62}\w",
    "Microsoft.Network/privateEndpoints": r"[A-Za-z0-9][\w.-]{0,62}\w",
    "Microsoft.Network/natGateways": r"[A-Za-z0-9][\w.-]{0,78}\w",
    "Microsoft.Network/publicIPAddresses": r"[A-Za-z0-9][\w.-]{0,78}\w",
    "Microsoft.Network/networkSecurityGroups": r"[A-Za-z0-9][\w.-]{0,78}\w",
}
_ASSIGNMENT = "Microsoft.Authorization/roleAssignments"


@pytest.mark.parametrize("name", SETS)
def test_every_set_of_parameters_can_be_evaluated_and_no_id_comes_twice(
    evaluated: dict[str, Evaluated], name: str
) -> None:
    found = evaluated[name]
    assert found.diagnostics == []
    ids = [each["id"] for each in found.resources if "id" in each]  # those of Graph have none
    assert len(ids) > 60
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", SETS)
def test_names_are_what_azure_allows(evaluated: dict[str, Evaluated], name: str) -> None:
    assert len(str(FULL["environmentName"])) == 40  # the longest that is allowed
    for each in evaluated[name].resources:
        if (allowed := NAMES.get(each["type"])) is not None:
            assert re.fullmatch(allowed, each["name"].split("/")[-1]), each["id"]
    [people] = evaluated[name].of("Microsoft.Insights/actionGroups")
    assert len(people["properties"]["groupShortName"]) <= 12


def table_of_rights(minimal: Evaluated, full: Evaluated) -> list[list[str]]:
    """Return the rows that the guide must have of who may do what where."""
    always = minimal.rights().keys()
    table = []
    for (who, role, place), names in full.rights().items():
        inside = ", ".join(f"`{name}`" for name in sorted(names) if name)
        if (who, role, place) in always or who.startswith("`") or "`" in place:
            table.append([who, f"*{role}*", f"{place}: {inside}" if inside else place])
    return sorted(table)


def test_every_role_is_in_the_table_of_the_guide_and_no_other(
    minimal: Evaluated, full: Evaluated
) -> None:
    page = (ROOT / "docs/operations.md").read_text()
    assert sorted(rows(section(page, "### Roles"))) == table_of_rights(minimal, full)
    assert minimal.rights().items() <= full.rights().items()


def test_packages_are_deployed_by_an_identity_that_may_do_nothing_else(minimal: Evaluated) -> None:
    mine = [right for right in minimal.rights() if right[0] == "deployments"]
    assert [place for _, _, place in mine] == ["host account, containers"]
    deployment = minimal.one("Microsoft.Web/sites")["properties"]["functionAppConfig"]["deployment"]
    signed_in = deployment["storage"]["authentication"]["userAssignedIdentityResourceId"]
    assert "/id-packages-" in signed_in


def test_an_environment_for_trying_can_be_torn_down_and_made_again(
    evaluated: dict[str, Evaluated], full: Evaluated
) -> None:
    trial = evaluated["trial"]
    assert trial.one("Microsoft.KeyVault/vaults")["properties"]["enablePurgeProtection"] is None
    assert not trial.of("Microsoft.Authorization/locks")
    locks = [each["id"] for each in full.of("Microsoft.Authorization/locks")]
    assert len(locks) == 2
    assert {"stdata" in lock for lock in locks} == {True, False}
    assert any("kv-" in lock for lock in locks)


def test_where_custom_roles_are_forbidden_the_app_gets_a_role_of_azures(
    evaluated: dict[str, Evaluated],
) -> None:
    trial = evaluated["trial"]
    assert not trial.of("Microsoft.Authorization/roleDefinitions")
    assert ("the app", "Key Vault Secrets Officer", "vault") in trial.rights()


def test_a_topic_that_is_there_already_is_used(evaluated: dict[str, Evaluated]) -> None:
    [topic] = evaluated["trial"].of("Microsoft.EventGrid/systemTopics")
    assert topic["name"] == "made-by-defender"


def test_no_instance_runs_always_where_that_is_not_wanted(evaluated: dict[str, Evaluated]) -> None:
    config = evaluated["trial"].one("Microsoft.Web/sites")["properties"]["functionAppConfig"]
    assert config["scaleAndConcurrency"]["alwaysReady"] == []


def test_whoever_deploys_and_the_named_own_the_registration(
    evaluated: dict[str, Evaluated],
) -> None:
    for kind in ("applications", "servicePrincipals"):
        [each] = evaluated["trial"].of(f"Microsoft.Graph/{kind}@v1.0")
        owners = each["properties"]["owners"]
        assert owners["relationshipSemantics"] == "append"
        assert str(TRIAL["registrationOwners"]) in str(owners["relationships"])
        assert "deployer().objectId" in str(owners["relationships"])


def test_what_is_done_with_the_blobs_of_the_data_account_is_logged_where_it_is_wanted(
    full: Evaluated, minimal: Evaluated
) -> None:
    kind = "Microsoft.Insights/diagnosticSettings"
    [logs] = [each for each in full.of(kind) if each["name"].endswith("blobs")]
    wanted = {each["category"] for each in logs["properties"]["logs"]}
    assert wanted == {"StorageRead", "StorageWrite", "StorageDelete"}
    assert [each["name"] for each in minimal.of(kind)] == ["audit"]


def test_lists_of_ids_may_have_blanks(full: Evaluated) -> None:
    upstream = [
        each["properties"]["principalId"]
        for each in full.of(_ASSIGNMENT)
        if each["properties"]["principalId"] in str(FULL["upstreamPrincipalIds"])
    ]
    assert sorted(upstream) == str(FULL["upstreamPrincipalIds"]).split(" , ")


def test_deployments_come_from_where_it_is_said(full: Evaluated, minimal: Evaluated) -> None:
    site = full.one("Microsoft.Web/sites")["properties"]["siteConfig"]
    assert site["scmIpSecurityRestrictionsDefaultAction"] == "Deny"
    assert [each["ipAddress"] for each in site["scmIpSecurityRestrictions"]] == ["203.0.113.0/24"]
    free = minimal.one("Microsoft.Web/sites")["properties"]["siteConfig"]
    assert free["scmIpSecurityRestrictionsDefaultAction"] == "Allow"


def test_the_network_is_where_it_is_said(full: Evaluated) -> None:
    network = full.one("Microsoft.Network/virtualNetworks")["properties"]
    subnets = [each["properties"]["addressPrefix"] for each in network["subnets"]]
    assert subnets == ["10.20.0.0/26", "10.20.0.64/26"]
    assert full.one("Microsoft.Network/publicIPAddresses")["zones"] == ["1", "2", "3"]


def test_nobody_but_the_named_and_the_app_gets_a_role(minimal: Evaluated) -> None:
    others = {"deployments", "the topic of blob events"}
    assert {who for who, _, _ in minimal.rights()} == {"the app", *others}


def test_the_app_has_no_right_on_the_data_account_as_a_whole_and_only_reads_segments(
    full: Evaluated,
) -> None:
    rights = full.rights().items()
    of_app = {(role, place): names for (who, role, place), names in rights if who == "the app"}
    assert not [place for _, place in of_app if place == "data account"]
    assert of_app["Storage Blob Data Reader", "data account, containers"] == {"segments"}
    written = of_app["Storage Blob Data Contributor", "data account, containers"]
    assert written == {"runs", "delivered", "lanes"}


def test_the_data_account_holds_what_the_code_uses(minimal: Evaluated) -> None:
    assert minimal.names_in("blobServices/containers") == {*CONTAINERS, "deadletters"}
    queues = minimal.names_in("queueServices/queues")
    assert queues == {*QUEUES, POISON_SLICES, POISON_ARRIVALS}
    assert minimal.names_in("tableServices/tables") == set(TABLES)


def test_what_grows_is_deleted_after_a_while(minimal: Evaluated) -> None:
    policy = minimal.one("Microsoft.Storage/storageAccounts/managementPolicies", "stdata")
    days = {
        rule["name"]: rule["definition"]["actions"]["baseBlob"]["delete"][
            "daysAfterModificationGreaterThan"
        ]
        for rule in policy["properties"]["policy"]["rules"]
    }
    assert days == {"runs": 90, "deadletters": 30}


def test_the_app_may_do_with_secrets_what_its_code_does(minimal: Evaluated) -> None:
    [keeper] = minimal.of("Microsoft.Authorization/roleDefinitions")
    secrets = "Microsoft.KeyVault/vaults/secrets"
    assert keeper["properties"]["permissions"] == [
        {
            "dataActions": [
                f"{secrets}/getSecret/action",
                f"{secrets}/setSecret/action",
                f"{secrets}/delete",
                f"{secrets}/readMetadata/action",
            ]
        }
    ]


def test_people_get_the_roles_that_the_code_knows(minimal: Evaluated) -> None:
    [registration] = minimal.of("Microsoft.Graph/applications@v1.0")
    roles = [role["value"] for role in registration["properties"]["appRoles"]]
    assert roles == [role.value for role in Role]
    allowed = registration["properties"]["api"]["preAuthorizedApplications"]
    assert [each["appId"] for each in allowed] == [AZURE_CLI]


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("Microsoft.Storage/storageAccounts", "allowSharedKeyAccess", False),
        ("Microsoft.Storage/storageAccounts", "allowBlobPublicAccess", False),
        ("Microsoft.Storage/storageAccounts", "supportsHttpsTrafficOnly", True),
        ("Microsoft.Storage/storageAccounts", "minimumTlsVersion", "TLS1_2"),
        ("Microsoft.Storage/storageAccounts/blobServices/containers", "publicAccess", "None"),
        ("Microsoft.KeyVault/vaults", "enableRbacAuthorization", True),
        ("Microsoft.KeyVault/vaults", "enablePurgeProtection", True),
        ("Microsoft.OperationalInsights/workspaces", "features.immediatePurgeDataOn30Days", True),
        ("Microsoft.KeyVault/vaults", "enableSoftDelete", True),
        ("Microsoft.Insights/components", "DisableLocalAuth", True),
        ("Microsoft.Web/sites", "httpsOnly", True),
        ("Microsoft.Web/sites", "siteConfig.minTlsVersion", "1.2"),
        ("Microsoft.Web/sites", "functionAppConfig.runtime.name", "python"),
        ("Microsoft.Web/sites", "functionAppConfig.siteUpdateStrategy.type", "Recreate"),
        ("Microsoft.Web/sites", "functionAppConfig.scaleAndConcurrency.instanceMemoryMB", 2048),
        (
            "Microsoft.Web/sites",
            "functionAppConfig.scaleAndConcurrency.alwaysReady",
            [{"name": "blob", "instanceCount": 1}],
        ),
        (
            "Microsoft.Web/sites",
            "functionAppConfig.scaleAndConcurrency.triggers.http.perInstanceConcurrency",
            16,
        ),
        ("Microsoft.Web/sites/basicPublishingCredentialsPolicies", "allow", False),
        ("Microsoft.Graph/servicePrincipals@v1.0", "appRoleAssignmentRequired", True),
        ("Microsoft.Graph/applications@v1.0", "api.requestedAccessTokenVersion", 2),
    ],
)
def test_a_property_that_matters_is_set(
    minimal: Evaluated, kind: str, path: str, value: object
) -> None:
    for each in minimal.of(kind):
        assert at(each["properties"], path) == value, each.get("name")
    assert minimal.of(kind)


def at(properties: Any, path: str) -> Any:
    """Return a property by its path."""
    for step in path.split("."):
        properties = properties[step]
    return properties


def test_the_plan_is_flex_consumption(minimal: Evaluated) -> None:
    assert minimal.one("Microsoft.Web/serverfarms")["sku"]["name"] == "FC1"


def test_with_a_private_network_nothing_is_reached_from_outside(full: Evaluated) -> None:
    closed = [
        *full.of("Microsoft.Storage/storageAccounts"),
        *(each for each in full.of("Microsoft.KeyVault/vaults")),
    ]
    assert len(closed) == 3
    for each in closed:
        assert each["properties"]["publicNetworkAccess"] == "Disabled"
        assert each["properties"]["networkAcls"]["defaultAction"] == "Deny"
    assert full.one("Microsoft.Web/sites")["properties"]["virtualNetworkSubnetId"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("filter.includedEventTypes", ["Microsoft.Storage.BlobCreated"]),
        ("filter.subjectBeginsWith", "/blobServices/default/containers/segments/blobs/"),
        (
            "filter.advancedFilters",
            [
                {
                    "operatorType": "StringIn",
                    "key": "data.api",
                    "values": ["CopyBlob", "FlushWithClose", "PutBlob", "PutBlockList", "SftpCommit"],
                }
            ],
        ),
        (
            "deadLetterWithResourceIdentity.deadLetterDestination.properties.blobContainerName",
            "deadletters",
        ),
    ],
)  # fmt: skip
def test_events_are_those_of_files_that_are_whole(
    events: dict[str, Any], path: str, value: object
) -> None:
    assert at(events, path) == value


def test_events_go_to_the_function_that_takes_them(events: dict[str, Any]) -> None:
    url = events["destination"]["properties"]["endpointUrl"]
    [name] = re.findall(r"functionName=Host\.Functions\.(\w+)&", url)
    assert f"async def {name}(" in (ROOT / "functions/arrivals.py").read_text()


def test_the_app_runs_on_the_version_of_python_that_it_is_developed_with(
    minimal: Evaluated,
) -> None:
    config = minimal.one("Microsoft.Web/sites")["properties"]["functionAppConfig"]
    assert config["runtime"]["version"] == (ROOT / ".python-version").read_text().strip()


def test_nothing_secret_stands_in_clear(main: dict[str, Any], full: Evaluated) -> None:
    secret = {
        name for name, each in main["parameters"].items() if each["type"].startswith("secure")
    }
    assert secret == {"alertWebhook"}
    people = full.one("Microsoft.Insights/actionGroups")["properties"]
    assert people["webhookReceivers"]  # its address is a secret, and not evaluated
    for name in secret:
        assert str(FULL[name]) not in json.dumps([full.resources, full.outputs])
    for name, output in main["outputs"].items():
        assert not re.search(r"listKeys|webhook|secret|key\(", json.dumps(output), re.I), name
