#!/bin/sh
# Make the namespace and the search attributes that runs are found by; harmless to repeat.
set -eu

until temporal operator cluster health; do sleep 2; done

temporal operator namespace describe --namespace "$NAMESPACE" >/dev/null 2>&1 ||
  temporal operator namespace create --namespace "$NAMESPACE" --retention "$RETENTION"

# A new namespace needs some seconds until every part of the server knows it.
until known=$(temporal operator search-attribute list --namespace "$NAMESPACE"); do sleep 2; done

for name in Environment WorkflowKey RecipientId Tenant CancellationKey WorkflowRunId; do
  echo "$known" | grep -qw "$name" ||
    temporal operator search-attribute create --namespace "$NAMESPACE" --name "$name" --type Keyword
done
