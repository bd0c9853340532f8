"""What most requests of the Management API say in the same way: environment, commit, page."""

from __future__ import annotations

from api.kit.cursors import Kinds
from api.kit.pagination import read_page
from api.kit.parameters import Param, boolean, whole
from api.kit.query_strings import Query
from domain.content.rows import MAX_COMMIT_MESSAGE, Author, CommitNote
from domain.kit.errors import InvalidParams
from domain.kit.pages import PageRequest
from domain.kit.principals import DEVELOPMENT, EnvironmentScope, ServicePrincipal
from domain.kit.violations import Violations
from services.account.environments import get_scope
from services.content.branches import on_branch, refuse_elsewhere
from services.engine import Engine

DEFAULT_ENVIRONMENT = DEVELOPMENT
MAX_LIMIT = 100
ENVIRONMENT_HELP: dict[str, str | Param] = {
    "environment": "Slug of the environment. Default: `development`."
}
# For operations that are done in every environment at once.
ANYWHERE_HELP: dict[str, str | Param] = {
    "environment": "Slug of an environment that has it. Default: any environment."
}
SCOPE_HELP: dict[str, str | Param] = {
    **ENVIRONMENT_HELP,
    "branch": "Slug of a branch of `development`. Default: the environment's own content.",
}
PAGE_HELP: dict[str, str | Param] = {
    "after": "Cursor: return what comes after it.",
    "before": "Cursor: return what comes before it.",
    "limit": whole("Entries per page", 1, MAX_LIMIT, 50),
}
NOTE_HELP: dict[str, str | Param] = {
    "commit_message": Param(
        "The commit message.", {"type": "string", "maxLength": MAX_COMMIT_MESSAGE}
    ),
    "allow_empty": boolean("Commit even if nothing changed."),
}


async def read_environment(engine: Engine, query: Query) -> EnvironmentScope:
    """Return the environment that a request is about; Knock's CLI sometimes leaves it out.

    Raises:
        InvalidParams: a branch is named, and what is asked for has none.
        NotFound: there is no such environment.
    """
    if query.text("branch") is not None:
        raise InvalidParams.of("branch", "must be left out: this is the same on all branches")
    return await get_scope(engine, query.text("environment") or DEFAULT_ENVIRONMENT)


async def read_named_environment(engine: Engine, query: Query) -> EnvironmentScope | None:
    """Return the environment that a request names, if it does; raises as `read_environment`."""
    found = await read_environment(engine, query)
    return None if query.text("environment") is None else found


async def read_scope(engine: Engine, query: Query) -> EnvironmentScope:
    """Return the environment that a request is about, with the content of a branch if it names one.

    Raises:
        InvalidParams: a branch is named, and the environment is not development.
        UnknownBranch: there is no such branch.
        NotFound: there is no such environment.
    """
    environment = await get_scope(engine, query.text("environment") or DEFAULT_ENVIRONMENT)
    branch = query.text("branch")
    if branch is None:
        return environment
    refuse_elsewhere(environment, "environment")
    return await on_branch(engine, environment, branch)


def read_limit(query: Query, kinds: Kinds) -> PageRequest:
    """Read which page is asked for; this face says `limit` where the other says `page_size`."""
    return read_page(query, kinds, size_name="limit", max_size=MAX_LIMIT)


def read_commit(query: Query, principal: ServicePrincipal) -> CommitNote | None:
    """Read what the commit says about itself that a write asks for; None where it asks for none.

    Raises:
        InvalidParams: also for what is wrong of a commit that is not asked for.
    """
    violations = Violations()
    is_wanted = violations.read(query.boolean, "commit")
    note = violations.read(read_note, query, principal)
    violations.raise_any()
    return note if is_wanted else None


def read_note(query: Query, principal: ServicePrincipal) -> CommitNote:
    """Read what a commit says about itself."""
    violations = Violations()
    message = violations.read(query.text, "commit_message", max_length=MAX_COMMIT_MESSAGE)
    allow_empty = violations.read(query.boolean, "allow_empty") or False
    violations.raise_any()
    return CommitNote(Author.of(principal), message, allow_empty)
