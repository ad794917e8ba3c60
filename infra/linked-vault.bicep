// Lets the app read secrets of a vault that the organisation already has. That vault must use roles
// (Azure RBAC) for its secrets, and its firewall, if it has one, must let the app in.

param vaultName string
param appPrincipalId string

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' existing = {
  name: vaultName
}

resource reader 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, appPrincipalId, 'Key Vault Secrets User')
  scope: vault
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      '4633458b-17de-408a-b874-0445c86b69e6' // Key Vault Secrets User
    )
  }
}

output url string = vault.properties.vaultUri
