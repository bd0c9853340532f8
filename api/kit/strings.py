"""Checks strings that come from a path or a query before they reach PostgreSQL."""

from __future__ import annotations

from uuid import UUID

from domain.kit.errors import InvalidParams, NotFound
from domain.kit.ids import MAX_ID_CHARACTERS, read_id

_MISSING = "The resource you requested does not exist."


def problem_of(text: str) -> str | None:
    """Say what is wrong with a caller's text, or None: it must be storable and valid UTF-8."""
    if "\x00" in text:
        return "must not contain null characters"
    # The server replaces bytes that are not UTF-8 by this character.
    if "\ufffd" in text or any("\ud800" <= character <= "\udfff" for character in text):
        return "must be valid UTF-8"
    return None


def known_id(text: str) -> str:
    """Return an id of a path that is only looked up.

    Raises:
        NotFound: nothing can have such an id.
    """
    if not text or len(text) > MAX_ID_CHARACTERS or problem_of(text):
        raise NotFound(_MISSING)
    return text


def known_uuid(text: str, missing: str = _MISSING) -> UUID:
    """Return an id of ours from a path.

    Args:
        text: the id as the caller wrote it.
        missing: what is said where nothing has it; the same as of an id that nothing happens to
            have.

    Raises:
        NotFound: nothing of ours can have such an id.
    """
    found = read_id(text)
    if found is None:
        raise NotFound(missing)
    return found


def new_id_of(text: str, *, field: str = "id", forbidden: str = "") -> str:
    """Return an id of a path that is written.

    Args:
        text: the id as the caller chose it.
        field: how the error names it.
        forbidden: characters that the id must not contain.

    Raises:
        InvalidParams: it is too long or has characters that cannot be stored.
    """
    if len(text) > MAX_ID_CHARACTERS:
        raise InvalidParams.of(field, f"must have at most {MAX_ID_CHARACTERS} characters")
    problem = problem_of(text)
    if problem is None and any(character in text for character in forbidden):
        problem = f"must not contain any of: {' '.join(forbidden)}"
    if problem is not None:
        raise InvalidParams.of(field, problem)
    return text
