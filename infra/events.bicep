// Sends the event "a segment file landed" to the app. It is deployed by subscribe.sh after the app's
// code, because the key below exists only once the Functions host has started the blob trigger.

@description('Name of the function app.')
param appName string

@description('Name of the system topic of the data account.')
param topicName string

@description('Name of the data account, for the events that could not be delivered.')
param accountName string

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: appName
}

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: accountName
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

resource subscription 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: 'segments'
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      endpointType: 'WebHook'
      properties: {
        // Read where it is needed: the key is in no parameter, no output and no log.
        endpointUrl: 'https://${app.properties.defaultHostName}/runtime/webhooks/blobs?functionName=Host.Functions.arrivals&code=${uriComponent(listKeys('${app.id}/host/default', '2025-03-01').systemKeys.blobs_extension)}'
        maxEventsPerBatch: 1
        preferredBatchSizeInKilobytes: 64
      }
    }
    filter: {
      includedEventTypes: [
        'Microsoft.Storage.BlobCreated'
      ]
      subjectBeginsWith: '/blobServices/default/containers/segments/blobs/'
      // Of an account with a hierarchical namespace only the events of files that are whole: not of the
      // folders that it makes, nor of a file that is created and still has nothing in it.
      advancedFilters: [
        {
          operatorType: 'StringIn'
          key: 'data.api'
          values: [
            'CopyBlob'
            'FlushWithClose'
            'PutBlob'
            'PutBlockList'
            'SftpCommit'
          ]
        }
      ]
    }
    retryPolicy: {
      maxDeliveryAttempts: 30
      eventTimeToLiveInMinutes: 1440
    }
    deadLetterWithResourceIdentity: {
      identity: {
        type: 'SystemAssigned'
      }
      deadLetterDestination: {
        endpointType: 'StorageBlob'
        properties: {
          resourceId: account.id
          blobContainerName: 'deadletters'
        }
      }
    }
  }
}
