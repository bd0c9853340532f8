"""What a stack says about its seed: keys that work, and what will not work although it is ready."""

from __future__ import annotations

from commands.seed.keys import SERVICE_TOKEN, EnvironmentKeys, SeededStack, SeedKeys, key_name


def working_keys(keys: SeedKeys, seeded: SeededStack) -> SeedKeys:
    """Return the keys with an empty one in place of each that was revoked."""
    environments = {
        slug: EnvironmentKeys(
            _unless(key_name(slug, "secret"), pair.secret_key, seeded.revoked),
            _unless(key_name(slug, "public"), pair.public_key, seeded.revoked),
            _unless(key_name(slug, "signing"), pair.signing_key, seeded.revoked),
        )
        for slug, pair in keys.environments.items()
    }
    return SeedKeys(_unless(SERVICE_TOKEN, keys.service_token, seeded.revoked), environments)


def _unless(name: str, token: str, revoked: list[str]) -> str:
    return "" if name in revoked else token


def warnings_about(seeded: SeededStack) -> list[str]:
    """Return sentences about what people should mend."""
    sentences = [
        f"The {name} was revoked. Create another with `carillon admin`, or start over with"
        " `make reset`."
        for name in seeded.revoked
    ]
    if seeded.unreadable:
        sentences.append(
            "CARILLON_SECRET_KEY does not decrypt the settings of these channels, so their messages"
            f" cannot be sent: {', '.join(seeded.unreadable)}. Start with the key that encrypted "
            "them, or write the settings again with `carillon admin channel-set`."
        )
    return sentences
