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

@description('GUID of the role that lets the app read, write and delete secrets.')
param appRoleId string

@description('Object id of the group that may manage secrets, or empty.')
param operatorGroupId string

@description('Whether deleted secrets, and the vault, stay for 90 days whatever anybody does.')
param purgeProtection bool

@description('Whether the vault is locked against deletion.')
param locked bool

@description('Workspace that every access to the vault is logged to.')
param workspaceId string

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' = {
  // checkov:skip=CKV_AZURE_42:It is on by default; an environment for trying must be torn down and made again
  // checkov:skip=CKV_AZURE_110:It is on by default; an environment for trying must be torn down and made again
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
    enablePurgeProtection: purgeProtection ? true : null // Azure refuses false
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    networkAcls: {
      defaultAction: privateNetwork ? 'Deny' : 'Allow'
      bypass: privateNetwork ? 'None' : 'AzureServices'
    }
  }
}

resource appIsKeeper 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, appPrincipalId, appRoleId)
  scope: vault
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', appRoleId)
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

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (locked) {
  name: 'no-deletion'
  scope: vault
  properties: {
    level: 'CanNotDelete'
    notes: 'The credentials of connections are in here.'
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
