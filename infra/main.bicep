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

@description('Object ids, separated by commas, of the service principals or managed identities that drop segment files. No people, no groups.')
param upstreamPrincipalIds string = ''

@description('Object ids, separated by commas, of people or service principals that own the app registration besides whoever deploys it: all who deploy it later. No groups.')
param registrationOwners string = ''

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

@description('Replication of both storage accounts. Azure cannot change it later between one with zones and one without.')
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

@description('Addresses of the private network, in which the app and the private endpoints get a quarter each: at least a /24. Changing it later takes a new network.')
param networkRange string = '10.0.0.0/24'

@description('Zones, separated by commas, that the outgoing address of the private network is spread over. Empty: Azure chooses.')
param addressZones string = ''

@description('Whether a deleted vault is kept for 90 days against everybody. Without, an environment can be torn down and created again at once. Once on, it stays on.')
param vaultPurgeProtection bool = true

@description('Whether the data account and the vault are locked against deletion.')
param deleteLocks bool = false

@description('Whether the app gets a role of its own on the vault. Where policies forbid custom roles, false gives it Key Vault Secrets Officer, which may also purge.')
param customRole bool = true

@description('Name of the system topic that the data account has already, because Defender for Storage made it, say. Empty: one is created.')
param systemTopicName string = ''

@description('Instances that always run for the blob trigger. With 0 an event after a pause may be refused; then the timer finds the file within minutes.')
@minValue(0)
@maxValue(1)
param alwaysReadyInstances int = 1

@description('Gigabytes of telemetry a day, after which the rest of the day is dropped, with an alert. 0: no limit.')
@minValue(0)
param dailyCapGb int = 0

@description('Whether each reading, writing and deleting of blobs of the data account is logged.')
param dataLogs bool = false

@description('Whether Azure asks the app from five places every 15 minutes whether it is alive.')
param availabilityTest bool = true

@description('Ranges of addresses, separated by commas, that deployments come from. Empty: from anywhere, with a sign-in.')
param deploymentRanges string = ''

@description('The items of a list with commas, without blanks around them.')
func listed(text string) string[] => filter(map(split(text, ','), item => trim(item)), item => !empty(item))

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
var packages = 'packages'
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

// What deploys code, so that the app's own identity need not write where its code lies.
module packagesIdentity 'identity.bicep' = {
  name: 'packages-identity'
  scope: group
  params: {
    name: 'id-packages-${token}'
    location: location
    tags: tags
  }
}

// Here, long before it is assigned: it takes Azure a while to know a new role everywhere.
module keeper 'keeper-role.bicep' = if (customRole) {
  name: 'keeper-role'
  scope: group
  params: {
    vaultName: 'kv-${token}'
  }
}

module signIn 'sign-in.bicep' = if (empty(authClientId)) {
  name: 'sign-in'
  scope: group
  params: {
    uniqueName: 'segment-exports-${token}'
    displayName: 'Segment Exports (${environmentName})'
    owners: union([deployer().objectId], listed(registrationOwners))
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
    dailyCapGb: dailyCapGb
  }
}

module network 'network.bicep' = if (privateNetwork) {
  name: 'network'
  scope: group
  params: {
    name: token
    location: location
    tags: tags
    range: networkRange
    addressZones: listed(addressZones)
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
      { name: packages }
    ]
  }
}

module deployments 'container-role.bicep' = {
  name: 'deployments'
  scope: group
  params: {
    accountName: hostStorage.outputs.name
    containerName: packages
    principalIds: [
      packagesIdentity.outputs.principalId
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
    locked: deleteLocks
    logsWorkspaceId: dataLogs ? monitoring.outputs.workspaceId : ''
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
    principalIds: listed(upstreamPrincipalIds)
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
    appRoleId: customRole ? keeper!.outputs.name : 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7' // Key Vault Secrets Officer
    operatorGroupId: operatorGroupId
    purgeProtection: vaultPurgeProtection
    locked: deleteLocks
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
    packagesIdentityId: packagesIdentity.outputs.id
    packagesUrl: '${hostStorage.outputs.blobUrl}${packages}'
    alwaysReadyInstances: alwaysReadyInstances
    deploymentRanges: listed(deploymentRanges)
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
    name: empty(systemTopicName) ? 'evgt-${token}' : systemTopicName
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
    insightsId: monitoring.outputs.insightsId
    healthUrl: availabilityTest ? '${baseUrl}/api/health' : ''
    dailyCapGb: dailyCapGb
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
output APP_HOST string = app.outputs.host
output AUTH_AUDIENCE string = empty(authClientId) ? signIn!.outputs.clientId : authClientId
output DATA_STORAGE_NAME string = dataStorage.outputs.name
output KEY_VAULT_NAME string = vault.outputs.name
output TOPIC_NAME string = topic.outputs.name
