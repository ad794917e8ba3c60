// The role that the app has on its vault.

@description('Name of the vault, which need not be there yet.')
param vaultName string

// What shared/storage/key_vault.py does, and no more. The ready-made role for this, Key Vault
// Secrets Officer, could also purge, recover, list for others, back up and restore.
resource keeper 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(resourceId('Microsoft.KeyVault/vaults', vaultName), 'keeper of secrets')
  properties: {
    roleName: 'Segment Exports keeper of secrets (${vaultName})'
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

output name string = keeper.name
