"""Tell the mailboxes that get a copy of an e-mail from those that it is for."""

from __future__ import annotations

from collections.abc import Iterable
from email.utils import getaddresses


def is_copy(address: str, *, to: str | None, cc: str | None, bcc: str | None) -> bool:
    """Tell whether an address got a copy of an e-mail, and not the e-mail itself.

    One that stands nowhere in it is taken for that of its recipient: overrides may have sent it
    elsewhere, and vendors write some addresses in their own way.

    Args:
        address: as a vendor writes it.
        to: whom the e-mail is for, as its templates wrote that; like `cc` and `bcc`.
        cc: who gets a copy.
        bcc: who gets one unseen.
    """
    of_report = _bare([address])
    copies = _bare([cc, bcc]) - _bare([to])
    return bool(of_report) and of_report <= copies


def _bare(texts: Iterable[str | None]) -> set[str]:
    """Return the addresses in texts, without names and case, their domains as mail has them."""
    written = [text.replace(";", ",") for text in texts if text]
    return {_in_ascii(address.strip().lower()) for _, address in getaddresses(written) if address}


def _in_ascii(address: str) -> str:
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return address
