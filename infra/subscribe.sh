#!/bin/sh
# Subscribes the app to blob events; azd runs this after each deployment of code. Doing it again
# changes nothing. Needs the Azure CLI, signed in to the same subscription as azd.
set -eu
cd "$(dirname "$0")"

subscribe() {
  az deployment group create --only-show-errors --output none \
    --name events \
    --subscription "$AZURE_SUBSCRIPTION_ID" \
    --resource-group "$AZURE_RESOURCE_GROUP" \
    --template-file events.bicep \
    --parameters appName="$APP_NAME" topicName="$TOPIC_NAME" accountName="$DATA_STORAGE_NAME"
}

# The sign-ins of people and destinations know the app by the address that it was given in advance.
[ "$API_URL" = "https://$APP_HOST" ] || [ -n "${PUBLIC_BASE_URL:-}" ] ||
  echo "Azure reaches the app at $APP_HOST, but it calls itself $API_URL: set PUBLIC_BASE_URL to https://$APP_HOST." >&2

# The key of the webhook appears when the first instance of new code has started the blob trigger.
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  if said=$(subscribe 2>&1); then
    echo "Subscribed to files that land in the container segments."
    exit 0
  fi
  echo "The app is not ready to be subscribed (try $attempt of 10)." >&2
  [ "$attempt" = 10 ] || sleep "${SUBSCRIBE_PAUSE:-30}"
done
echo "The last try ended with: $said" >&2
echo "Run 'azd hooks run postdeploy' once the app is up. Until then the timer finds new files." >&2
exit 1
