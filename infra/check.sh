#!/bin/sh
# Looks whether what was deployed works: every function is there, every secret that a setting refers to is
# found, and the app opens its storage for somebody with a role. Needs the Azure CLI, signed in, and azd's
# variables: `azd env get-values`, or a hook. Says of each fault what to do, and fails if there is any.
set -eu

faults=0
fault() {
  echo "$1" >&2
  faults=$((faults + 1))
}

app() {
  az functionapp "$@" --only-show-errors --subscription "$AZURE_SUBSCRIPTION_ID" \
    --resource-group "$AZURE_RESOURCE_GROUP" --name "$APP_NAME"
}

functions=$(app function list --query "[].name" --output tsv) || functions=
for name in arrivals http refresh slices slices_poison; do
  echo "$functions" | grep -q "\(^\|/\)$name\$" ||
    fault "The function $name is missing: the app did not load. See its log, and 'Roll back' in docs/operations.md."
done

id=$(app show --query id --output tsv) || id=
unresolved=$(az rest --only-show-errors --method get --output tsv \
  --url "https://management.azure.com$id/config/configreferences/appsettings?api-version=2025-03-01" \
  --query "value[?properties.status!='Resolved'].name") || unresolved="(it could not be asked)"
[ -z "$unresolved" ] ||
  fault "Secrets of the vault that settings refer to are not found: $unresolved. Put them there, then refresh them: 'Rotate secrets' in docs/operations.md."

# Whoever asks needs a role; without one the answer is 403 before storage is opened.
token=$(az account get-access-token --only-show-errors --resource "$AUTH_AUDIENCE" \
  --query accessToken --output tsv) || token=
if [ -z "$token" ]; then
  fault "No token for the API: give whoever deploys the role viewer, as in 'Add an administrator' of docs/operations.md."
else
  status=$(echo "header = \"Authorization: Bearer $token\"" | curl --config - --silent --output /dev/null \
    --write-out '%{http_code}' --retry 10 --retry-delay "${CHECK_PAUSE:-10}" --retry-all-errors \
    "$API_URL/api/v1/exports?limit=1") || true
  case $status in
    200) ;;
    401 | 403) fault "The API answered $status: give whoever deploys the role viewer, and wait until the next token." ;;
    *) fault "The API answered ${status:-nothing} when it was asked for exports: storage, vault or a setting. See 'The refresh is late' in docs/operations.md." ;;
  esac
fi

[ "$faults" = 0 ] && echo "Everything that was looked at works."
[ "$faults" = 0 ]
