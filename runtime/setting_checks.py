"""What settings may say: each function takes a value, and returns it or raises ValueError.

What is wrong here would come out later, far away, as an error of another program. No message
repeats the value: it may hold a password.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

from domain.kit.zones import is_zone

_SHORTEST_KEY = 16
_TIERS = 5
_ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_ADDRESS = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}")


def parts(text: str) -> tuple[str, ...]:
    """Return what stands between commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _url(value: str | None, schemes: Collection[str]) -> SplitResult | None:
    """Take an address apart; None where it has none of the schemes, or no host and port."""
    try:
        url = urlsplit(value or "")
        is_one = url.scheme in schemes and bool(url.hostname) and url.port != 0
    except ValueError:  # of brackets in the host, or of the port
        return None
    return url if is_one else None


def database_url(value: str) -> str:
    """Check the address of PostgreSQL."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        ports = str(conninfo_to_dict(value).get("port") or "0").split(",")
    except ProgrammingError:
        ports = ["unknown"]
    is_url = value.startswith(("postgresql://", "postgres://"))
    if not is_url or not all(port.isdecimal() for port in ports):
        raise ValueError("must be a PostgreSQL URL such as postgresql://user@host:5432/name")
    return value


def temporal_address(value: str) -> str:
    """Check a host with its port."""
    if not _ADDRESS.fullmatch(value):
        raise ValueError("must be a host and a port such as temporal.example.org:7233")
    return value


def zone(value: str) -> str:
    """Check the name of a time zone."""
    if not is_zone(value):
        raise ValueError("must be the name of a time zone such as Europe/Berlin")
    return value


def secret_key(value: SecretStr) -> SecretStr:
    """Check the length of every key."""
    keys = parts(value.get_secret_value())
    if not keys or any(len(key) < _SHORTEST_KEY for key in keys):
        raise ValueError(f"every key must have at least {_SHORTEST_KEY} characters")
    return value


def hosts(value: object) -> object:
    """Read names of hosts between commas, in small letters."""
    return parts(value.lower()) if isinstance(value, str) else value


def origins(value: object) -> object:
    """Read origins between commas."""
    found = parts(value) if isinstance(value, str) else value
    for origin in found if isinstance(found, tuple) else ():
        if not _ORIGIN.fullmatch(str(origin)):
            raise ValueError("must be origins such as https://app.example.org")
    return found


def tiers(value: object) -> object:
    """Read a number for each tier between commas."""
    found = parts(value) if isinstance(value, str) else value
    if not isinstance(found, tuple | list) or len(found) != _TIERS:
        raise ValueError(f"must be {_TIERS} numbers, separated by commas")
    if not all(re.fullmatch(r"[1-9][0-9]{0,8}", str(tier)) for tier in found):
        raise ValueError("every number must be whole and above 0")
    return tuple(int(tier) for tier in found)


def public_url(value: str | None) -> str | None:
    """Check the address of the API."""
    url = _url(value, {"http", "https"})
    if value and (url is None or url.query or url.fragment):
        raise ValueError("must be an address such as https://notify.example.org")
    return value


def smtp_url(value: str | None) -> str | None:
    """Check the address of a mail server."""
    if value and _url(value, {"smtp", "smtps"}) is None:
        raise ValueError("must look like smtp://user:password@host:port or smtps://…")
    return value
