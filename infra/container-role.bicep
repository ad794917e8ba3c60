// Lets others than the app write into one container.

param accountName string
param containerName string

@description('Object ids of service principals or managed identities.')
param principalIds array

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' existing = {
  name: '${accountName}/default/${containerName}'
}

resource writers 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for id in principalIds: {
    name: guid(container.id, id, 'Storage Blob Data Contributor')
    scope: container
    properties: {
      principalId: id
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        'ba92f5b4-2d11-453d-a403-e96b0029c9fe' // Storage Blob Data Contributor
      )
    }
  }
]
