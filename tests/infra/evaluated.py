"""The templates as they come out for several sets of parameters: resources, settings, roles."""

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

# Source: learn.microsoft.com/azure/role-based-access-control/built-in-roles
ROLES = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": "Storage Blob Data Reader",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": "Key Vault Secrets Officer",
    "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
}
MINIMAL: dict[str, object] = {"environmentName": "test", "location": "swedencentral"}
FULL: dict[str, object] = {
    "environmentName": "an-environment-with-the-longest-name-yes",
    "location": "swedencentral",
    "operatorGroupId": "11111111-1111-1111-1111-111111111111",
    "upstreamPrincipalIds": "22222222-2222-2222-2222-222222222222 , 55555555-5555-5555-5555-555555555555",
    "alertEmails": "one@example.com, two@example.com",
    "alertWebhook": "https://hooks.example.com/said-to-nobody",
    "mailchimpClientId": "123456",
    "constantContactClientId": "abc-def",
    "webhookUrl": "https://receiver.example.com/runs",
    "linkedKeyVaultId": "/subscriptions/0f0f0f0f-0f0f-0f0f-0f0f-0f0f0f0f0f0f/resourceGroups/"
    "rg-theirs/providers/Microsoft.KeyVault/vaults/kv-theirs",
    "publicBaseUrl": "https://exports.example.com",
    "authClientId": "33333333-3333-3333-3333-333333333333",
    "siteUpdateStrategy": "RollingUpdate",
    "redundancy": "Standard_GZRS",
    "privateNetwork": True,
    "networkRange": "10.20.0.0/23",
    "addressZones": "1, 2, 3",
    "vaultPurgeProtection": True,
    "deleteLocks": True,
    "systemTopicName": "",
    "alwaysReadyInstances": 1,
    "dailyCapGb": 5,
    "dataLogs": True,
    "deploymentRanges": "203.0.113.0/24",
}
TRIAL: dict[str, object] = MINIMAL | {
    "environmentName": "trial",
    "redundancy": "Standard_LRS",
    "vaultPurgeProtection": False,
    "customRole": False,
    "systemTopicName": "made-by-defender",
    "registrationOwners": "44444444-4444-4444-4444-444444444444",
    "alwaysReadyInstances": 0,
    "availabilityTest": False,
}
SETS = {"minimal": MINIMAL, "full": FULL, "trial": TRIAL}
_PEOPLE = {
    "userAssignedIdentities/id-packages-": "deployments",
    "userAssignedIdentities/id-": "the app",
    "Microsoft.EventGrid/systemTopics/": "the topic of blob events",
    str(FULL["operatorGroupId"]): "`OPERATOR_GROUP_ID`",
    **dict.fromkeys(str(FULL["upstreamPrincipalIds"]).split(" , "), "`UPSTREAM_PRINCIPAL_IDS`"),
}
_PLACES = {
    r"storageAccounts/sthost\w+": "host account",
    r"storageAccounts/stdata\w+": "data account",
    r"Insights/components/appi-\w+": "Application Insights",
    r"vaults/kv-theirs": "vault of `LINKED_KEY_VAULT_ID`",
    r"vaults/kv-\w+": "vault",
}
_INSIDE = re.compile(r"/(container|queue|table)s/([\w-]+)$")


@dataclass(frozen=True)
class Evaluated:
    """What one set of parameters makes of the main template."""

    resources: list[dict[str, Any]]
    diagnostics: list[Any]
    outputs: dict[str, Any]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the resources of a type."""
        return [each for each in self.resources if each["type"] == kind]

    def one(self, kind: str, name: str = "") -> dict[str, Any]:
        """Return the only resource of a type whose name begins so."""
        [found] = [each for each in self.of(kind) if each.get("name", "").startswith(name)]
        return found

    def app_settings(self) -> dict[str, str]:
        """Return the settings of the function app."""
        config = self.of("Microsoft.Web/sites/config")
        [settings] = [each for each in config if each["name"].endswith("/appsettings")]
        return dict(settings["properties"])

    def names_in(self, service: str) -> set[str]:
        """Return the names of `blobServices/containers`, say, of the data account."""
        kind = f"Microsoft.Storage/storageAccounts/{service}"
        names = {each["name"] for each in self.of(kind)}
        return {name.split("/")[-1] for name in names if name.startswith("stdata")}

    def rights(self) -> dict[tuple[str, str, str], set[str]]:
        """Return each right: who, role, account or vault -> containers, queues or tables ("" for all)."""
        rights: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        for each in self.of("Microsoft.Authorization/roleAssignments"):
            scope = _scope(each["id"])
            kind, name = found.groups() if (found := _INSIDE.search(scope)) else ("", "")
            place = _place(scope) + (f", {kind}s" if kind else "")
            who = _who(each["properties"]["principalId"])
            rights[who, self._role(each), place].add(name)
        return rights

    def _role(self, assignment: dict[str, Any]) -> str:
        role = assignment["properties"]["roleDefinitionId"].rstrip(")]'").split("/")[-1]
        if role in ROLES:
            return ROLES[role]
        [own] = self.of("Microsoft.Authorization/roleDefinitions")
        assert own["name"] in assignment["properties"]["roleDefinitionId"], assignment
        return re.sub(r" \(.*\)$", "", str(own["properties"]["roleName"]))


def _scope(assignment: str) -> str:
    """Return the id of what an assignment, itself an expression or a plain id, gives a right on."""
    inner = assignment.removeprefix("[extensionResourceId('").split("'")[0]
    return inner.split("/providers/Microsoft.Authorization/")[0]


def _who(principal: str) -> str:
    return next(person for sign, person in _PEOPLE.items() if sign in principal)


def _place(scope: str) -> str:
    return next(place for sign, place in _PLACES.items() if re.search(sign, scope))
