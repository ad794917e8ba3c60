// What wakes somebody up. docs/operations.md says what each alert means and what to do, and names
// the events and metrics that the queries read.

param name string
param location string
param tags object
param workspaceId string

@description('System topic of the data account.')
param topicId string

@description('The Application Insights of the app.')
param insightsId string

@description('What is asked whether the app is alive; empty for no such test.')
param healthUrl string

@description('Gigabytes of telemetry a day that are taken; 0 for no limit.')
param dailyCapGb int

@description('E-mail addresses, separated by commas.')
param emails string

@secure()
param webhook string

// A rule that fires for each `by` has an alert of its own for each value, which stays until the window has
// passed it: nothing is told of twice, and what comes in late is told of all the same.
var rules = [
  {
    name: 'run-failed'
    title: 'A run failed for good'
    severity: 2
    every: 'PT5M'
    window: 'PT30M'
    by: 'run_id'
    query: '''
      AppTraces
      | where tostring(Properties.event) == "run_ended"
      | where tostring(Properties.status) == "failed_permanent"
      | project TimeGenerated, run_id = tostring(Properties.run_id), destination = tostring(Properties.destination)
    '''
  }
  {
    name: 'sign-in-needed'
    title: 'A connection needs sign-in'
    severity: 2
    every: 'PT5M'
    window: 'PT30M'
    by: 'connection_id'
    query: '''
      AppTraces
      | where tostring(Properties.event) == "sign_in_needed"
      | project TimeGenerated, connection_id = tostring(Properties.connection_id), destination = tostring(Properties.destination)
    '''
  }
  {
    name: 'message-given-up'
    title: 'A message was given up'
    severity: 1
    every: 'PT5M'
    window: 'PT30M'
    by: 'run_id'
    query: '''
      AppTraces
      | where tostring(Properties.event) == "message_given_up"
      | project TimeGenerated, run_id = tostring(Properties.run_id)
    '''
  }
  {
    // All counts of the half hour: what is being worked on is gone by the next one.
    name: 'message-stuck'
    title: 'A message is stuck'
    severity: 3
    every: 'PT15M'
    window: 'PT30M'
    by: 'queue'
    query: '''
      AppMetrics
      | where Name == "segment_exports.poison.messages"
      | summarize messages = min(Sum / ItemCount) by queue = tostring(Properties.queue)
      | where messages > 0
    '''
  }
  {
    name: 'setting-unusable'
    title: 'A setting cannot be used'
    severity: 2
    every: 'PT5M'
    window: 'PT30M'
    by: 'setting'
    query: '''
      AppTraces
      | where tostring(Properties.event) == "setting_unusable"
      | project TimeGenerated, setting = tostring(Properties.setting)
    '''
  }
  {
    // The timer reports its lag every minute, so silence means that it does not run at all.
    name: 'refresh-late'
    title: 'The refresh is late by 15 minutes'
    severity: 1
    every: 'PT5M'
    window: 'PT15M'
    by: ''
    query: '''
      AppMetrics
      | where Name == "segment_exports.schedule.lag"
      | summarize lag = max(Sum / ItemCount), reports = count()
      | where lag > 900 or reports == 0
    '''
  }
  {
    name: 'quota-nearly-used'
    title: 'The quota at a destination is nearly used up'
    severity: 3
    every: 'PT15M'
    window: 'PT1H'
    by: 'destination'
    query: '''
      AppMetrics
      | where Name == "segment_exports.quota.used"
      | summarize used = max(Sum / ItemCount) by destination = tostring(Properties.destination)
      | where used >= 0.8
    '''
  }
  {
    // One alone may be a moment without storage, which its caller tries again.
    name: 'requests-fail'
    title: 'Requests to the app fail'
    severity: 2
    every: 'PT5M'
    window: 'PT15M'
    by: ''
    query: '''
      AppRequests
      | where toint(ResultCode) >= 500
      | summarize failed = count()
      | where failed >= 3
    '''
  }
]
var capRule = {
  name: 'telemetry-capped'
  title: 'No more telemetry is taken today'
  severity: 1
  every: 'PT15M'
  window: 'PT1H'
  by: ''
  query: '''
    _LogOperation
    | where Category =~ "Ingestion"
    | where Detail has "OverQuota"
  '''
}
var metrics = [
  {
    name: 'event-undelivered'
    metric: 'DeadLetteredCount'
    most: 0
    title: 'An event could not be delivered'
    severity: 3
  }
  {
    name: 'event-dropped'
    metric: 'DroppedEventCount'
    most: 0
    title: 'An event could not be delivered'
    severity: 3
  }
  {
    // A try or two fail after each deployment, and after each pause where no instance always runs.
    name: 'events-fail'
    metric: 'DeliveryAttemptFailCount'
    most: 50
    title: 'Events reach the app late'
    severity: 3
  }
]

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${name}'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'SegExports'
    emailReceivers: [
      for (address, at) in empty(emails) ? [] : split(emails, ','): {
        name: 'email-${at}'
        emailAddress: trim(address)
        useCommonAlertSchema: true
      }
    ]
    webhookReceivers: [
      for number in range(0, empty(webhook) ? 0 : 1): {
        name: 'webhook'
        serviceUri: webhook
        useCommonAlertSchema: true
      }
    ]
  }
}

resource alerts 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for rule in concat(rules, dailyCapGb == 0 ? [] : [capRule]): {
    name: '${rule.name}-${name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'Segment Exports: ${rule.title}'
      description: 'See docs/operations.md, heading "${rule.title}".'
      severity: rule.severity
      enabled: true
      scopes: [
        workspaceId
      ]
      evaluationFrequency: rule.every
      windowSize: rule.window
      autoMitigate: true
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            dimensions: [
              for name in filter([rule.by], by => !empty(by)): {
                name: name
                operator: 'Include'
                values: [
                  '*'
                ]
              }
            ]
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: {
        actionGroups: [
          people.id
        ]
      }
    }
  }
]

resource ofEvents 'Microsoft.Insights/metricAlerts@2026-01-01' = [
  for each in metrics: {
    name: '${each.name}-${name}'
    location: 'global'
    tags: tags
    properties: {
      description: 'See docs/operations.md, heading "${each.title}".'
      severity: each.severity
      enabled: true
      scopes: [
        topicId
      ]
      evaluationFrequency: 'PT5M'
      windowSize: each.most == 0 ? 'PT5M' : 'PT1H'
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            name: each.metric
            criterionType: 'StaticThresholdCriterion'
            metricNamespace: 'Microsoft.EventGrid/systemTopics'
            metricName: each.metric
            timeAggregation: 'Total'
            operator: 'GreaterThan'
            threshold: each.most
          }
        ]
      }
      actions: [
        {
          actionGroupId: people.id
        }
      ]
    }
  }
]

// Source of the places: learn.microsoft.com/azure/azure-monitor/app/availability
resource alive 'Microsoft.Insights/webtests@2022-06-15' = if (!empty(healthUrl)) {
  name: 'alive-${name}'
  location: location
  tags: union(tags, { 'hidden-link:${insightsId}': 'Resource' })
  kind: 'standard'
  properties: {
    SyntheticMonitorId: 'alive-${name}'
    Name: 'alive-${name}'
    Enabled: true
    Kind: 'standard'
    Frequency: 900
    Timeout: 60
    RetryEnabled: true
    Locations: [
      for place in ['emea-nl-ams-azr', 'emea-se-sto-edge', 'emea-gb-db3-azr', 'us-va-ash-azr', 'us-ca-sjc-azr']: {
        Id: place
      }
    ]
    Request: {
      RequestUrl: healthUrl
      HttpVerb: 'GET'
    }
    ValidationRules: {
      ExpectedHttpStatusCode: 200
      SSLCheck: true
      SSLCertRemainingLifetimeCheck: 7
    }
  }
}

resource unreachable 'Microsoft.Insights/metricAlerts@2026-01-01' = if (!empty(healthUrl)) {
  name: 'unreachable-${name}'
  location: 'global'
  tags: union(tags, { 'hidden-link:${insightsId}': 'Resource', 'hidden-link:${alive.id}': 'Resource' })
  properties: {
    description: 'See docs/operations.md, heading "The app cannot be reached".'
    severity: 1
    enabled: true
    scopes: [
      alive.id
      insightsId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT30M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.WebtestLocationAvailabilityCriteria'
      webTestId: alive.id
      componentId: insightsId
      failedLocationCount: 3
    }
    actions: [
      {
        actionGroupId: people.id
      }
    ]
  }
}
