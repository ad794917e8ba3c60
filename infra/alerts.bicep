// What wakes somebody up. docs/operations.md says what each alert means and what to do, and names
// the events and metrics that the queries read.

param name string
param location string
param tags object
param workspaceId string

@description('System topic of the data account.')
param topicId string

@description('E-mail addresses, separated by commas.')
param emails string

@secure()
param webhook string

// An event is looked at once, in the five minutes in which it came in, so it makes one alert; the
// window is longer because events come in late. What lasts, such as lateness, settles by itself.
var rules = [
  {
    name: 'run-failed'
    title: 'A run failed for good'
    severity: 2
    every: 'PT5M'
    window: 'PT30M'
    settles: false
    query: '''
      AppTraces
      | where ingestion_time() > ago(5m)
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
    settles: false
    query: '''
      AppTraces
      | where ingestion_time() > ago(5m)
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
    settles: false
    query: '''
      AppTraces
      | where ingestion_time() > ago(5m)
      | where tostring(Properties.event) == "message_given_up"
      | project TimeGenerated, run_id = tostring(Properties.run_id)
    '''
  }
  {
    // The timer reports its lag every minute, so silence means that it does not run at all.
    name: 'refresh-late'
    title: 'The refresh is late by 15 minutes'
    severity: 1
    every: 'PT5M'
    window: 'PT15M'
    settles: true
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
    settles: true
    query: '''
      AppMetrics
      | where Name == "segment_exports.quota.used"
      | summarize used = max(Sum / ItemCount) by destination = tostring(Properties.destination)
      | where used >= 0.8
    '''
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
    webhookReceivers: empty(webhook)
      ? []
      : [
          {
            name: 'webhook'
            serviceUri: webhook
            useCommonAlertSchema: true
          }
        ]
  }
}

resource alerts 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for rule in rules: {
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
      autoMitigate: rule.settles
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
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

resource undelivered 'Microsoft.Insights/metricAlerts@2026-01-01' = {
  name: 'event-undelivered-${name}'
  location: 'global'
  tags: tags
  properties: {
    description: 'See docs/operations.md, heading "An event could not be delivered".'
    severity: 3
    enabled: true
    scopes: [
      topicId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'dead-lettered'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.EventGrid/systemTopics'
          metricName: 'DeadLetteredCount'
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: 0
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
