"""The keys that a seeded stack is given: made once, kept in a file, the same at every start."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from commands.files import write_atomically
from domain.account.environments import FIRST_ENVIRONMENTS
from runtime.tokens import new_token
from runtime.user_token_keys import new_signing_key

SEEDED_ENVIRONMENTS: tuple[str, ...] = FIRST_ENVIRONMENTS
SERVICE_TOKEN = "service token"  # noqa: S105 - what people call it


@dataclass(frozen=True, slots=True)
class EnvironmentKeys:
    """The keys of one environment (Knock docs: "API keys", "Security and authentication").

    Attributes:
        signing_key: what signs user tokens, as PEM.
    """

    secret_key: str
    public_key: str
    signing_key: str = ""


@dataclass(frozen=True, slots=True)
class SeedKeys:
    """Every key of a seeded stack.

    Attributes:
        service_token: for the Management API and the admin API.
        environments: by slug.
    """

    service_token: str
    environments: dict[str, EnvironmentKeys]


@dataclass(frozen=True, slots=True)
class SeededChannel:
    """A channel that the seed made."""

    key: str
    id: str


@dataclass(frozen=True, slots=True)
class SeededStack:
    """What the seed made, as scripts need it.

    Attributes:
        channels: by channel type.
        revoked: the seeded keys that do not work any more, for example `development secret key`.
        unreadable: the channels whose settings the secret key does not open, for example
            `smtp in production`.
    """

    channels: dict[str, SeededChannel]
    revoked: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


class SeedKeysError(Exception):
    """The file of keys cannot be used; the message says what to do."""


def key_name(environment: str, kind: str) -> str:
    """Return what people call a key, for example `development secret key`."""
    return f"{environment} {kind} key"


def make_keys() -> SeedKeys:
    """Make fresh keys for both seeded environments."""
    environments = {
        slug: EnvironmentKeys(new_token("sk_"), new_token("pk_"), new_signing_key())
        for slug in SEEDED_ENVIRONMENTS
    }
    return SeedKeys(new_token("knock_st_"), environments)


def load_or_make_keys(path: Path) -> SeedKeys:
    """Read the keys from a file; make the file, readable by its owner alone, when there is none.

    Raises:
        SeedKeysError: the file is there but holds no keys.
    """
    try:
        found = TypeAdapter(SeedKeys).validate_json(path.read_bytes())
        keys = _with_signing_keys(found)
        if keys == found:
            return keys
    except FileNotFoundError:
        keys = make_keys()
    except (OSError, ValidationError) as error:
        raise SeedKeysError(
            f"{path} contains no usable keys: repair it, or remove it to get new ones."
        ) from error
    write_atomically(path, json.dumps(asdict(keys), indent=2).encode())
    return keys


def _with_signing_keys(keys: SeedKeys) -> SeedKeys:
    """Return the keys with what a file lacks that was written before there were signing keys."""
    environments = {
        slug: pair if pair.signing_key else replace(pair, signing_key=new_signing_key())
        for slug, pair in keys.environments.items()
    }
    return replace(keys, environments=environments)
