"""Reads what Apple hands out to send notifications with: signing keys, and certificates.

Source: Apple docs, "Establishing a token-based connection to APNs", "Establishing a
certificate-based connection to APNs".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import SecretStr

# What reading a document raises that is none.
Unreadable = (ValueError, TypeError, UnsupportedAlgorithm)


def check_signing_key(secret: SecretStr | None) -> SecretStr | None:
    """Return a setting that is a signing key. Raises ValueError."""
    return _checked(secret, read_signing_key, "must be an Apple signing key (.p8)")


def check_certificate(secret: SecretStr | None) -> SecretStr | None:
    """Return a setting that is a certificate. Raises ValueError."""
    return _checked(secret, read_certificate, "must be a certificate (PEM)")


def check_private_key(secret: SecretStr | None) -> SecretStr | None:
    """Return a setting that is the private key of a certificate. Raises ValueError."""
    return _checked(secret, _read_private_key, "must be a private key (PEM) without a password")


def _checked(
    secret: SecretStr | None, read: Callable[[str], object], otherwise: str
) -> SecretStr | None:
    if secret is not None:
        try:
            read(secret.get_secret_value())
        except Unreadable:
            raise ValueError(otherwise) from None
    return secret


def belongs(private_key: object, certificate: object) -> bool:
    """Tell whether a key is that of a certificate; what cannot be read is not judged."""
    try:
        own = _read_private_key(str(private_key)).public_key()
        return bool(own == read_certificate(str(certificate)).public_key())
    except Unreadable:
        return True


# Settings are read for each message, and a key takes longer to read than a request to write.
@lru_cache(maxsize=64)
def read_signing_key(document: str) -> ec.EllipticCurvePrivateKey:
    """Read a signing key. Raises one of `Unreadable`."""
    key = load_pem_private_key(document.strip().encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise TypeError("the key is not one for ES256")
    return key


@lru_cache(maxsize=64)
def read_certificate(document: str) -> x509.Certificate:
    """Read a certificate, the first of its chain. Raises one of `Unreadable`."""
    return x509.load_pem_x509_certificates(document.strip().encode())[0]


@lru_cache(maxsize=64)
def _read_private_key(document: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(document.strip().encode(), password=None)
    if not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        raise TypeError("Apple's certificates do not use keys of this kind")
    return key
