"""Certificates by which a server knows us, shown when a connection is made."""

from __future__ import annotations

import secrets
import ssl
import tempfile
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

# An extension of requests that are sent over connections with a certificate of ours.
CLIENT_CERTIFICATE = "client_certificate"


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate and its private key, both as PEM; others of the chain may follow the first."""

    certificate: str
    private_key: str = field(repr=False)

    def show_in(self, context: ssl.SSLContext) -> None:
        """Let the connections of a context show it.

        Raises ValueError, TypeError and ssl.SSLError when it cannot be used.
        """
        # TLS reads files only: the key is in one for a moment, under a password that nobody knows.
        password = secrets.token_urlsafe()
        key = load_pem_private_key(self.private_key.encode(), password=None)
        encryption = BestAvailableEncryption(password.encode())
        sealed = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
        with tempfile.NamedTemporaryFile() as file:
            file.write(sealed + b"\n" + self.certificate.encode())
            file.flush()
            context.load_cert_chain(file.name, password=password)
