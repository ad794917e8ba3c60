// Everything that Segment Exports needs on Azure, but for the subscription to blob events, which
// infra/events.bicep adds once the app's code is there. docs/operations.md explains the parameters.

targetScope = 'subscription'

@description('Name of the azd environment. One resource group and one set of resources belong to each.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Azure region. It must offer Flex Consumption.')
@minLength(1)
@metadata({
  azd: {
    type: 'location'
  }
})
param location string

@description('Object id of the Entra group whose members may write and recover secrets of the vault. Empty: nobody but the app.')
param operatorGroupId string = ''

@description('Object ids, separated by commas, of the service principals or managed identities that drop segment files.')
param upstreamPrincipalIds string = ''

@description('E-mail addresses, separated by commas, that alerts go to.')
param alertEmails string = ''

@description('Address that alerts are posted to as well, in the common alert schema. It may hold a secret.')
@secure()
param alertWebhook string = ''

@description('Client id of the OAuth application at Mailchimp. Its secret is put into the vault as mailchimp-client-secret.')
param mailchimpClientId string = ''

@description('API key (client id) of the application at Constant Contact. Its secret is put into the vault as constant-contact-client-secret.')
param constantContactClientId string = ''

@description('Whether the application at Constant Contact has a secret; one with PKCE only has none.')
param constantContactSecret bool = true

@description('Address on https that is told when a run ends. Its secret is put into the vault as webhook-secret. Empty: nobody is told.')
param webhookUrl string = ''

@description('Resource id of a vault of the organisation that connections may name secrets of. The app may read it and nothing else.')
param linkedKeyVaultId string = ''

@description('How the names of the secrets begin that connections may use in that vault.')
param linkedPrefix string = 'segment-exports-'

@description('Where the app is reached from outside, if not at its own azurewebsites.net address.')
param publicBaseUrl string = ''

@description('Client id of an existing app registration to sign in with. Empty: one is created, which takes a right in Microsoft Graph.')
param authClientId string = ''

@description('Replication of both storage accounts.')
@allowed([
  'Standard_LRS'
  'Standard_ZRS'
  'Standard_GRS'
  'Standard_GZRS'
])
param redundancy string = 'Standard_ZRS'

@description('What a deployment does to slices at work: Recreate ends them and they go on from their checkpoints; RollingUpdate lets them finish, but is a preview.')
@allowed([
  'Recreate'
  'RollingUpdate'
])
param siteUpdateStrategy string = 'Recreate'

@description('Whether storage and vault are reached through private endpoints only.')
param privateNetwork bool = false

var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = {
  'azd-env-name': environmentName
}
var appName = 'func-${token}'
var issuer = '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
var baseUrl = empty(publicBaseUrl) ? 'https://${appName}.azurewebsites.net' : publicBaseUrl
// Azure looks at the scope of a module even where its condition says no, so there is always an id.
var noVault = '${subscription().id}/resourceGroups/rg-${environmentName}/providers/Microsoft.KeyVault/vaults/none'
// Its parts: '', subscriptions, id, resourceGroups, name, providers, Microsoft.KeyVault, vaults, name.
var linked = split(empty(linkedKeyVaultId) ? noVault : linkedKeyVaultId, '/')
var blobReader = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1' // Storage Blob Data Reader
var blobContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe' // Storage Blob Data Contributor

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity 'identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-${token}'
    location: location
    tags: tags
  }
}

module signIn 'sign-in.bicep' = if (empty(authClientId)) {
  name: 'sign-in'
  scope: group
  params: {
    uniqueName: 'segment-exports-${token}'
    displayName: 'Segment Exports (${environmentName})'
  }
}

module monitoring 'monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    name: token
    location: location
    tags: tags
    appPrincipalId: identity.outputs.principalId
  }
}

module network 'network.bicep' = if (privateNetwork) {
  name: 'network'
  scope: group
  params: {
    name: token
    location: location
    tags: tags
  }
}

module hostStorage 'storage.bicep' = {
  name: 'host-storage'
  scope: group
  params: {
    name: 'sthost${token}'
    location: location
    tags: tags
    redundancy: redundancy
    privateNetwork: privateNetwork
    endpointsSubnetId: privateNetwork ? network!.outputs.endpointsSubnetId : ''
    zoneIds: privateNetwork ? network!.outputs.zoneIds : {}
    appPrincipalId: identity.outputs.principalId
    // What the Functions host asks for: it keeps its locks, its keys and its internal queues here.
    accountRoles: [
      'b7e6dc6d-f1e8-4753-8033-0f276bb0955b' // Storage Blob Data Owner
      '974c5e8b-45b9-4653-ba55-5f855dd0fb88' // Storage Queue Data Contributor
      '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3' // Storage Table Data Contributor
    ]
    containers: [
      { name: 'packages' }
    ]
  }
}

module dataStorage 'storage.bicep' = {
  name: 'data-storage'
  scope: group
  params: {
    name: 'stdata${token}'
    location: location
    tags: tags
    redundancy: redundancy
    privateNetwork: privateNetwork
    endpointsSubnetId: privateNetwork ? network!.outputs.endpointsSubnetId : ''
    zoneIds: privateNetwork ? network!.outputs.zoneIds : {}
    appPrincipalId: identity.outputs.principalId
    containers: [
      { name: 'segments', role: blobReader } // the files are upstream's
      { name: 'runs', role: blobContributor, days: 90 }
      { name: 'delivered', role: blobContributor }
      { name: 'lanes', role: blobContributor }
      { name: 'deadletters', days: 30 }
    ]
    queues: [
      'slices'
      'slices-poison'
      'webjobs-blobtrigger-poison' // where the host puts files that the blob trigger gave up
    ]
    tables: [
      'connections'
      'exports'
      'runs'
      'due'
      'oauthstates'
      'audit'
      'settings'
      'versions'
    ]
  }
}

module upstream 'container-role.bicep' = if (!empty(upstreamPrincipalIds)) {
  name: 'upstream'
  scope: group
  params: {
    accountName: dataStorage.outputs.name
    containerName: 'segments'
    principalIds: split(upstreamPrincipalIds, ',')
  }
}

module vault 'vault.bicep' = {
  name: 'vault'
  scope: group
  params: {
    name: 'kv-${token}'
    location: location
    tags: tags
    privateNetwork: privateNetwork
    endpointsSubnetId: privateNetwork ? network!.outputs.endpointsSubnetId : ''
    zoneIds: privateNetwork ? network!.outputs.zoneIds : {}
    appPrincipalId: identity.outputs.principalId
    operatorGroupId: operatorGroupId
    workspaceId: monitoring.outputs.workspaceId
  }
}

module linkedVault 'linked-vault.bicep' = if (!empty(linkedKeyVaultId)) {
  name: 'linked-vault'
  scope: resourceGroup(linked[2], linked[4])
  params: {
    vaultName: last(linked)
    appPrincipalId: identity.outputs.principalId
  }
}

module app 'app.bicep' = {
  name: 'app'
  scope: group
  params: {
    name: appName
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    subnetId: privateNetwork ? network!.outputs.appSubnetId : ''
    siteUpdateStrategy: siteUpdateStrategy
    insightsConnectionString: monitoring.outputs.connectionString
    hostBlobUrl: hostStorage.outputs.blobUrl
    hostQueueUrl: hostStorage.outputs.queueUrl
    hostTableUrl: hostStorage.outputs.tableUrl
    dataBlobUrl: dataStorage.outputs.blobUrl
    dataQueueUrl: dataStorage.outputs.queueUrl
    dataTableUrl: dataStorage.outputs.tableUrl
    vaultUrl: vault.outputs.url
    linkedVaultUrl: empty(linkedKeyVaultId) ? '' : linkedVault!.outputs.url
    linkedPrefix: linkedPrefix
    authIssuer: issuer
    authAudience: empty(authClientId) ? signIn!.outputs.clientId : authClientId
    publicBaseUrl: baseUrl
    mailchimpClientId: mailchimpClientId
    constantContactClientId: constantContactClientId
    constantContactSecret: constantContactSecret
    webhookUrl: webhookUrl
  }
}

module topic 'topic.bicep' = {
  name: 'topic'
  scope: group
  params: {
    name: 'evgt-${token}'
    location: location
    tags: tags
    accountName: dataStorage.outputs.name
  }
}

module deadLetters 'container-role.bicep' = {
  name: 'dead-letters'
  scope: group
  params: {
    accountName: dataStorage.outputs.name
    containerName: 'deadletters'
    principalIds: [
      topic.outputs.principalId
    ]
  }
}

module alerts 'alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    name: token
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    topicId: topic.outputs.id
    emails: alertEmails
    webhook: alertWebhook
  }
}

module workbook 'workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    displayName: 'Segment Exports (${environmentName})'
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
  }
}

output AZURE_RESOURCE_GROUP string = group.name
output AZURE_TENANT_ID string = tenant().tenantId
output APP_NAME string = app.outputs.name
output API_URL string = baseUrl
output AUTH_AUDIENCE string = empty(authClientId) ? signIn!.outputs.clientId : authClientId
output DATA_STORAGE_NAME string = dataStorage.outputs.name
output KEY_VAULT_NAME string = vault.outputs.name
output TOPIC_NAME string = topic.outputs.name
