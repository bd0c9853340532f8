"""The only list of search attributes: set at the start of a run and never changed.

An upsert would cost a history event; where a run stands is in PostgreSQL and in the run's current
details.
"""

from __future__ import annotations

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from domain.kit.ids import searchable

ENVIRONMENT = SearchAttributeKey.for_keyword("Environment")
WORKFLOW_KEY = SearchAttributeKey.for_keyword("WorkflowKey")
RECIPIENT_ID = SearchAttributeKey.for_keyword("RecipientId")
TENANT = SearchAttributeKey.for_keyword("Tenant")
CANCELLATION_KEY = SearchAttributeKey.for_keyword("CancellationKey")
WORKFLOW_RUN_ID = SearchAttributeKey.for_keyword("WorkflowRunId")

ALL: tuple[SearchAttributeKey[str], ...] = (
    ENVIRONMENT,
    WORKFLOW_KEY,
    RECIPIENT_ID,
    TENANT,
    CANCELLATION_KEY,
    WORKFLOW_RUN_ID,
)


def search_attributes(
    *,
    environment: str,
    workflow_key: str = "",
    recipient_id: str = "",
    tenant: str | None = None,
    cancellation_key: str | None = None,
    workflow_run_id: str = "",
) -> TypedSearchAttributes:
    """Build the attributes of one execution; empty ones are left out.

    Ids that may be personal data are hashed by `domain.kit.ids.searchable`; search for the hash.
    """
    values = {
        ENVIRONMENT: environment,
        WORKFLOW_KEY: workflow_key,
        RECIPIENT_ID: recipient_id,
        TENANT: tenant,
        CANCELLATION_KEY: cancellation_key,
        WORKFLOW_RUN_ID: workflow_run_id,
    }
    return TypedSearchAttributes(
        [SearchAttributePair(key, searchable(value)) for key, value in values.items() if value]
    )
