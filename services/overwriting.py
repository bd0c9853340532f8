"""What a key that this process lacks has sealed is not written over by mistake.

It opens as soon as the key is back; and where the key here is a wrong one, nobody else could read
what this process would write instead.
"""

from __future__ import annotations

from domain.kit.errors import Unprocessable
from runtime.vault import Vault


def keep_unreadable(vault: Vault, sealed: bytes | None, what: str, *, replace: bool) -> None:
    """Refuse to write over what cannot be read here.

    Args:
        vault: the keys of this process.
        sealed: what would be lost; None when there is nothing.
        what: what it is of, for people.
        replace: whether the request says that it may be lost.

    Raises:
        Unprocessable: `sealed_with_other_key`.
    """
    key_id = None if sealed is None or replace else vault.missing_key(sealed)
    if key_id is not None:
        raise Unprocessable(
            f"The stored secrets of {what} were encrypted with the key {key_id}, which is not in "
            "this process's CARILLON_SECRET_KEY. Add that key, or send replace_unreadable (true) "
            "to write over them.",
            code="sealed_with_other_key",
        )
