"""Where a page of ours may send a person back to, who says it in the address of that page."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

# Browsers take a backslash for a slash, and leave out tabs and line breaks.
_PLAIN = re.compile(r"[!-\[\]-~]+")
_PORTS = {"http": 80, "https": 443}


def may_send_to(url: str, origins: Iterable[str], *, allows_this_machine: bool) -> bool:
    """Tell whether a person may be sent to an address that anybody may have written.

    Args:
        url: the address.
        origins: of pages that it may be of, such as `https://app.example.org`.
        allows_this_machine: whether it may be a page of the person's own machine.
    """
    if not _PLAIN.fullmatch(url):
        return False
    try:
        target = urlsplit(url)
        origin = _origin_of(target)
        allowed = {_origin_of(urlsplit(each)) for each in origins}
    except ValueError:  # of brackets in the host, or of the port
        return False
    if origin is None or "@" in target.netloc:
        return False
    return origin in allowed or (allows_this_machine and _is_this_machine(origin[1]))


def _origin_of(target: SplitResult) -> tuple[str, str, int] | None:
    if target.scheme not in _PORTS or not target.hostname:
        return None
    return target.scheme, target.hostname, target.port or _PORTS[target.scheme]


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
