"""Tells a filter that nothing applies to from one that names what is not there.

To answer "none" to a misspelt key sounds as if all were well.
"""

from __future__ import annotations

from uuid import UUID

from domain.kit.errors import NotFound
from domain.recipients.refs import TENANTS, RecipientRef
from models.queries.content.named import has_of_tenant, has_workflow
from models.queries.recipients.recipients import existing_recipients
from runtime.database import Connection


async def require_named(
    connection: Connection,
    environment_id: UUID,
    *,
    workflow: str | None = None,
    tenant: str | None = None,
    recipient: RecipientRef | None = None,
) -> None:
    """Refuse what a filter names that is not there; for whoever has found nothing by it.

    What was deleted or archived may still have runs, so look for those first.

    Args:
        connection: reads.
        environment_id: where.
        workflow: key of a workflow or a broadcast; None if the filter names none.
        tenant: id of a tenant, known too if it is only named by runs or members of audiences.
        recipient: a user or an object.

    Raises:
        NotFound: there is no such workflow, tenant or recipient.
    """
    if workflow is not None and not await has_workflow(connection, environment_id, workflow):
        raise NotFound(f"The workflow {workflow[:255]!r} does not exist in this environment.")
    of_tenant = None if tenant is None else RecipientRef(TENANTS, tenant)
    named = [ref for ref in (of_tenant, recipient) if ref is not None]
    known = await existing_recipients(connection, environment_id, named)
    # Whether runs or members name a tenant takes longer to find out than whether it is stored.
    if (
        tenant is not None
        and of_tenant not in known
        and not await has_of_tenant(connection, environment_id, tenant)
    ):
        raise NotFound(f"The tenant {tenant[:255]!r} does not exist in this environment.")
    if recipient is not None and recipient not in known:
        noun = "user" if recipient.is_user else f"object of {recipient.collection[:255]!r}"
        raise NotFound(f"The {noun} {recipient.id[:255]!r} does not exist in this environment.")
