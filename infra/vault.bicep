// The vault of credentials: those of connections, which the app writes, and those of the app's
// registrations at destinations, which operators write.

param name string
param location string
param tags object
param privateNetwork bool

@description('Subnet of the private endpoint; empty without a private network.')
param endpointsSubnetId string

@description('Ids of the private DNS zones by service: vault.')
param zoneIds object

param appPrincipalId string

@description('Object id of the group that may manage secrets, or empty.')
param operatorGroupId string

@description('Workspace that every access to the vault is logged to.')
param workspaceId string

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' = {
  // checkov:skip=CKV_AZURE_109:Without a private network the app has no fixed address that could be let in; PRIVATE_NETWORK denies everybody else
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    networkAcls: {
      defaultAction: privateNetwork ? 'Deny' : 'Allow'
      bypass: 'AzureServices'
    }
  }
}

// What shared/storage/key_vault.py does, and no more. The ready-made role for this, Key Vault
// Secrets Officer, could also purge, recover, list for others, back up and restore.
resource keeper 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(vault.id, 'keeper of secrets')
  properties: {
    roleName: 'Segment Exports keeper of secrets (${name})'
    description: 'Read, write and delete secrets, but not purge them.'
    type: 'CustomRole'
    assignableScopes: [
      resourceGroup().id
    ]
    permissions: [
      {
        dataActions: [
          'Microsoft.KeyVault/vaults/secrets/getSecret/action'
          'Microsoft.KeyVault/vaults/secrets/setSecret/action'
          'Microsoft.KeyVault/vaults/secrets/delete'
          // The client waits until a deleted secret is listed as such.
          'Microsoft.KeyVault/vaults/secrets/readMetadata/action'
        ]
      }
    ]
  }
}

resource appIsKeeper 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, appPrincipalId, keeper.id)
  scope: vault
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: keeper.id
  }
}

resource operators 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(operatorGroupId)) {
  name: guid(vault.id, operatorGroupId, 'Key Vault Secrets Officer')
  scope: vault
  properties: {
    principalId: operatorGroupId
    principalType: 'Group'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      'b86a8fe4-44ce-4948-aee5-eccb2c155cd7' // Key Vault Secrets Officer
    )
  }
}

resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'audit'
  scope: vault
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        categoryGroup: 'audit'
        enabled: true
      }
    ]
  }
}

module endpoint 'private-endpoint.bicep' = if (privateNetwork) {
  name: '${name}-vault'
  params: {
    name: 'pep-${name}'
    location: location
    tags: tags
    subnetId: endpointsSubnetId
    targetId: vault.id
    service: 'vault'
    zoneId: zoneIds.?vault ?? ''
  }
}

output name string = vault.name
output url string = vault.properties.vaultUri
