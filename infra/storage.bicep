// One storage account with what lies in it, and who may touch what.

param name string
param location string
param tags object
param redundancy string
param privateNetwork bool

@description('Subnet of the private endpoints; empty without a private network.')
param endpointsSubnetId string

@description('Ids of the private DNS zones by service: blob, queue, table.')
param zoneIds object

@description('Who the roles below are given to.')
param appPrincipalId string

@description('Ids of roles on the whole account.')
param accountRoles array = []

@description('Containers: name; role, the id of what the app may do there; days, after which unchanged blobs are deleted.')
param containers array

@description('Whether the account is locked against deletion.')
param locked bool = false

@description('Workspace that each reading, writing and deleting of blobs is logged to; empty for none.')
param logsWorkspaceId string = ''

@description('Names of queues. The app gets Storage Queue Data Contributor on each.')
param queues array = []

@description('Names of tables. The app gets Storage Table Data Contributor on each.')
param tables array = []

var opened = filter(containers, container => contains(container, 'role'))
var cleared = filter(containers, container => contains(container, 'days'))
var roles = 'Microsoft.Authorization/roleDefinitions'

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  // checkov:skip=CKV_AZURE_35:Without a private network the app has no fixed address that could be let in; PRIVATE_NETWORK denies everybody else
  // checkov:skip=CKV_AZURE_206:It is replicated across zones; another region is one parameter away and may be against the law of the data
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: redundancy
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    networkAcls: {
      defaultAction: privateNetwork ? 'Deny' : 'Allow'
      // Event Grid writes its dead letters from outside the network.
      bypass: 'AzureServices'
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    containerDeleteRetentionPolicy: {
      enabled: true
      days: 7
    }
    // Not for single blobs: a run writes its checkpoint anew every few moments, and each of them
    // would be kept. What is lost here comes again from upstream, or by sending everything once.
    deleteRetentionPolicy: {
      enabled: false
    }
  }
}

resource containersOfAccount 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = [
  for container in containers: {
    parent: blobs
    name: container.name
    properties: {
      publicAccess: 'None'
    }
  }
]

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-06-01' = if (!empty(cleared)) {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        for container in cleared: {
          name: container.name
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: {
              blobTypes: [
                'blockBlob'
                'appendBlob'
              ]
              prefixMatch: [
                '${container.name}/'
              ]
            }
            actions: {
              baseBlob: {
                delete: {
                  daysAfterModificationGreaterThan: container.days
                }
              }
            }
          }
        }
      ]
    }
  }
}

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2025-06-01' = {
  parent: account
  name: 'default'
}

resource queuesOfAccount 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' = [
  for queue in queues: {
    parent: queueService
    name: queue
  }
]

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2025-06-01' = {
  parent: account
  name: 'default'
}

resource tablesOfAccount 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-06-01' = [
  for table in tables: {
    parent: tableService
    name: table
  }
]

resource onAccount 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in accountRoles: {
    name: guid(account.id, appPrincipalId, role)
    scope: account
    properties: {
      principalId: appPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId(roles, role)
    }
  }
]

resource openedContainers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' existing = [
  for container in opened: {
    parent: blobs
    name: container.name
  }
]

resource onContainers 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (container, at) in opened: {
    name: guid(account.id, appPrincipalId, container.name, container.role)
    scope: openedContainers[at]
    dependsOn: [
      containersOfAccount
    ]
    properties: {
      principalId: appPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId(roles, container.role)
    }
  }
]

resource onQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (queue, at) in queues: {
    name: guid(account.id, appPrincipalId, 'queue', queue)
    scope: queuesOfAccount[at]
    properties: {
      principalId: appPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId(roles, '974c5e8b-45b9-4653-ba55-5f855dd0fb88') // Storage Queue Data Contributor
    }
  }
]

resource onTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (table, at) in tables: {
    name: guid(account.id, appPrincipalId, 'table', table)
    scope: tablesOfAccount[at]
    properties: {
      principalId: appPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId(roles, '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3') // Storage Table Data Contributor
    }
  }
]

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (locked) {
  name: 'no-deletion'
  scope: account
  properties: {
    level: 'CanNotDelete'
    notes: 'Rows of its tables are in no backup.'
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (!empty(logsWorkspaceId)) {
  name: 'blobs'
  scope: blobs
  properties: {
    workspaceId: logsWorkspaceId
    logs: [
      for category in ['StorageRead', 'StorageWrite', 'StorageDelete']: {
        category: category
        enabled: true
      }
    ]
  }
}

module endpoints 'private-endpoint.bicep' = [
  for service in privateNetwork ? ['blob', 'queue', 'table'] : []: {
    name: '${name}-${service}'
    params: {
      name: 'pep-${name}-${service}'
      location: location
      tags: tags
      subnetId: endpointsSubnetId
      targetId: account.id
      service: service
      zoneId: zoneIds[service]
    }
  }
]

output name string = account.name
output blobUrl string = account.properties.primaryEndpoints.blob
output queueUrl string = account.properties.primaryEndpoints.queue
output tableUrl string = account.properties.primaryEndpoints.table
