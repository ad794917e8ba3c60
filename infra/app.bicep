// The function app with its plan and its settings.

param name string
param location string
param tags object
param identityId string
param identityClientId string

@description('Identity that deploys packages, and where to.')
param packagesIdentityId string
param packagesUrl string

@description('Instances that always run for the blob trigger: 0 or 1.')
param alwaysReadyInstances int

@description('Ranges of addresses that deployments may come from; empty for any.')
param deploymentRanges array

@description('Subnet that the app goes out from; empty without a private network.')
param subnetId string

param siteUpdateStrategy string
param insightsConnectionString string
param hostBlobUrl string
param hostQueueUrl string
param hostTableUrl string
param dataBlobUrl string
param dataQueueUrl string
param dataTableUrl string
param vaultUrl string
param linkedVaultUrl string
param linkedPrefix string
param authIssuer string
param authAudience string
param publicBaseUrl string
param mailchimpClientId string
param constantContactClientId string

@description('Whether the registration at Constant Contact has a secret.')
param constantContactSecret bool
param webhookUrl string

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  // checkov:skip=CKV_AZURE_225:Not every region offers it, and it takes two always-ready instances; whatever a lost zone interrupts goes on from its checkpoint
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    tier: 'FlexConsumption'
    name: 'FC1'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  // checkov:skip=CKV_AZURE_17:Callers prove themselves with bearer tokens; browsers coming back from a sign-in have no certificate
  // checkov:skip=CKV_AZURE_78:Flex Consumption has no FTP
  // checkov:skip=CKV_AZURE_212:Flex Consumption has no number of workers; the blob trigger has its always-ready instance
  // checkov:skip=CKV_AZURE_213:Flex Consumption replaces sick instances by itself and knows no health path
  // checkov:skip=CKV_AZURE_222:The API is called, and Event Grid delivers, from outside; every request is checked by the app or by the key of the webhook
  name: name
  location: location
  // azd finds by this tag where to put the service that azure.yaml calls app.
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
      '${packagesIdentityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      http20Enabled: true
      scmIpSecurityRestrictionsDefaultAction: empty(deploymentRanges) ? 'Allow' : 'Deny'
      scmIpSecurityRestrictions: [
        for (range, at) in deploymentRanges: {
          name: 'deployments-${at}'
          action: 'Allow'
          ipAddress: range
          priority: 100 + at
        }
      ]
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packagesUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: packagesIdentityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.13'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: 2048
        maximumInstanceCount: 40
        // Without a running instance the webhook of the blob trigger has no key, and the first event after a
        // pause is refused; the timer finds its file.
        alwaysReady: [
          for number in range(0, alwaysReadyInstances): {
            name: 'blob'
            instanceCount: alwaysReadyInstances
          }
        ]
        triggers: {
          http: {
            // The API is asynchronous; the platform's default for Python is one request at a time.
            perInstanceConcurrency: 16
          }
        }
      }
      // Azure takes it (learn.microsoft.com/azure/azure-functions/flex-consumption-site-updates); no published type has it yet.
      #disable-next-line BCP037
      siteUpdateStrategy: {
        type: siteUpdateStrategy
      }
    }
  }
}

// Deployments are signed in to with Entra ID; the passwords of publish profiles work nowhere.
resource passwordsOfDeployment 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

resource passwordsOfFtp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'ftp'
  properties: {
    allow: false
  }
}

var secret = '@Microsoft.KeyVault(SecretUri=${vaultUrl}secrets/'
var withSecret = !empty(constantContactClientId) && constantContactSecret

var settingsOfApp = {
  DataStorage__blobServiceUri: dataBlobUrl
  DataStorage__queueServiceUri: dataQueueUrl
  DataStorage__tableServiceUri: dataTableUrl
  KEY_VAULT_URL: vaultUrl
  LINKED_KEY_VAULT_URL: linkedVaultUrl
  LINKED_SECRET_PREFIX: linkedPrefix
  AUTH_ISSUER: authIssuer
  AUTH_AUDIENCE: authAudience
  PUBLIC_BASE_URL: publicBaseUrl
  MAILCHIMP_CLIENT_ID: mailchimpClientId
  MAILCHIMP_CLIENT_SECRET: empty(mailchimpClientId) ? '' : '${secret}mailchimp-client-secret)'
  CONSTANT_CONTACT_CLIENT_ID: constantContactClientId
  CONSTANT_CONTACT_CLIENT_SECRET: withSecret ? '${secret}constant-contact-client-secret)' : ''
  WEBHOOK_URL: webhookUrl
  WEBHOOK_SECRET: empty(webhookUrl) ? '' : '${secret}webhook-secret)'
}

var settingsOfHost = {
  AzureWebJobsStorage__blobServiceUri: hostBlobUrl
  AzureWebJobsStorage__queueServiceUri: hostQueueUrl
  AzureWebJobsStorage__tableServiceUri: hostTableUrl
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  DataStorage__credential: 'managedidentity'
  DataStorage__clientId: identityClientId
  AZURE_CLIENT_ID: identityClientId
  SEGMENT_EVENTS: 'EventGrid'
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  PYTHON_ENABLE_OPENTELEMETRY: 'true'
}

resource settings 'Microsoft.Web/sites/config@2025-03-01' = {
  // These are app settings, which checkov takes for the configuration named web.
  // checkov:skip=CKV_AZURE_13:The app checks tokens itself, route by route
  // checkov:skip=CKV_AZURE_63:Requests are in Application Insights
  // checkov:skip=CKV_AZURE_65:Error pages of the web server do not exist here
  // checkov:skip=CKV_AZURE_66:Failed requests are in Application Insights
  // checkov:skip=CKV_AZURE_80:There is no .NET here
  // checkov:skip=CKV_AZURE_88:Flex Consumption mounts no Azure Files
  // checkov:skip=CKV_AZURE_222:This is not where network access is set
  parent: app
  name: 'appsettings'
  properties: union(loadJsonContent('settings.json'), settingsOfApp, settingsOfHost)
}

output name string = app.name
output host string = app.properties.defaultHostName
