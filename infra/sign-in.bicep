// The app registration that people and programs sign in with. Whoever deploys it needs the right
// Application.ReadWrite.All (a person) or Application.ReadWrite.OwnedBy (a program) in Microsoft Graph.

extension microsoftGraphV1

@description('Name that the registration is found by when this is deployed again.')
param uniqueName string

@description('Name that people see when they sign in.')
param displayName string

@description('Object ids of people and service principals that may change the registration.')
param owners array

// They are the values of shared/domain/people.py.
var roles = [
  {
    value: 'administrator'
    displayName: 'Administrator'
    description: 'Manages connections, schedules and exports.'
  }
  {
    value: 'contributor'
    displayName: 'Contributor'
    description: 'Builds and runs exports on connections that are shared with contributors.'
  }
  {
    value: 'viewer'
    displayName: 'Viewer'
    description: 'Reads exports, runs and rejects.'
  }
]
var scopeId = guid(uniqueName, 'access_as_user')

resource registration 'Microsoft.Graph/applications@v1.0' = {
  uniqueName: uniqueName
  displayName: displayName
  signInAudience: 'AzureADMyOrg'
  // Added to those there are, so that a program with OwnedBy may deploy what a person deployed first.
  owners: {
    relationshipSemantics: 'append'
    relationships: owners
  }
  identifierUris: [
    'api://${tenant().tenantId}/${uniqueName}'
  ]
  api: {
    // Tokens of version 2 name the client id as their audience and …/v2.0 as their issuer.
    requestedAccessTokenVersion: 2
    oauth2PermissionScopes: [
      {
        id: scopeId
        value: 'access_as_user'
        type: 'User'
        isEnabled: true
        adminConsentDisplayName: 'Use Segment Exports'
        adminConsentDescription: 'Call the API of Segment Exports as the person who signed in.'
        userConsentDisplayName: 'Use Segment Exports'
        userConsentDescription: 'Call the API of Segment Exports as you.'
      }
    ]
    preAuthorizedApplications: [
      {
        appId: '04b07795-8ddb-461a-bbee-02f9e1bf7b46' // the Azure CLI
        delegatedPermissionIds: [
          scopeId
        ]
      }
    ]
  }
  appRoles: [
    for role in roles: {
      id: guid(uniqueName, role.value)
      value: role.value
      displayName: role.displayName
      description: role.description
      isEnabled: true
      allowedMemberTypes: [
        'User'
        'Application'
      ]
    }
  ]
}

resource principal 'Microsoft.Graph/servicePrincipals@v1.0' = {
  appId: registration.appId
  owners: {
    relationshipSemantics: 'append'
    relationships: owners
  }
  // Nobody gets a token before somebody has given them a role.
  appRoleAssignmentRequired: true
}

output clientId string = registration.appId
