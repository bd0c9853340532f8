"""Real servers on loopback: HTTP that answers by path, SMTP that follows a script."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded
from h2.settings import SettingCodes


@dataclass(slots=True)
class Seen:
    """One request as the server got it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class HttpServer:
    """Answers each path with the raw bytes in `replies`; `delay` seconds late."""

    replies: dict[str, bytes]
    delay: float = 0.0
    port: int = 0
    seen: list[Seen] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Return the address of the server."""
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one request and close."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        pairs = [line.split(": ", 1) for line in head[1:] if line]
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        seen = Seen(method, target, headers, body)
        self.seen.append(seen)
        await asyncio.sleep(self.delay)
        writer.write(self.respond(seen))
        writer.close()

    def respond(self, seen: Seen) -> bytes:
        """Return the answer to a request."""
        return self.replies.get(seen.target.partition("?")[0], reply(404))


@dataclass(slots=True)
class Http2Server(HttpServer):
    """The same, over HTTP/2 that the client begins with (RFC 9113, 3.3).

    Attributes:
        silent: how many requests get no answer, on any connection.
        most_streams: that a connection may have under way.
        connections: how many there were.
        shown: the common name of the certificate that each of them showed, or None.
    """

    silent: int = 0
    most_streams: int = 100
    connections: int = 0
    shown: list[str | None] = field(default_factory=list)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve the requests of one connection."""
        talk = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        talk.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: self.most_streams})
        talk.initiate_connection()
        self.connections += 1
        self.shown.append(_common_name(writer.get_extra_info("peercert")))
        open_: dict[int, Seen] = {}
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                for event in talk.receive_data(data):
                    if isinstance(event, RequestReceived):
                        headers = {str(name): str(value) for name, value in event.headers}
                        method, target = headers[":method"], headers[":path"]
                        open_[event.stream_id] = Seen(method, target, headers, b"")
                    elif isinstance(event, DataReceived):
                        open_[event.stream_id].body += event.data
                    elif isinstance(event, StreamEnded):
                        seen = open_.pop(event.stream_id)
                        self.seen.append(seen)
                        if self.silent:
                            self.silent -= 1
                        else:
                            self._answer(talk, event.stream_id, seen.target)
                writer.write(talk.data_to_send())
        writer.close()

    def _answer(self, talk: H2Connection, stream: int, target: str) -> None:
        head, _, body = self.replies.get(target, reply(404)).partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        pairs = [tuple(line.split(b": ", 1)) for line in lines if not line.startswith(b"conn")]
        talk.send_headers(stream, [(b":status", first.split(b" ")[1]), *pairs])
        talk.send_data(stream, body, end_stream=True)


def _common_name(certificate: Any) -> str | None:
    subject = (certificate or {}).get("subject", ())
    return next((value for parts in subject for name, value in parts if name == "commonName"), None)


def reply(code: int, body: bytes = b"", **headers: str) -> bytes:
    """Write an HTTP answer; underscores in header names stand for hyphens."""
    lines = [f"HTTP/1.1 {code} X", f"content-length: {len(body)}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


@asynccontextmanager
async def serving(
    server: HttpServer, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[HttpServer]:
    """Run an HTTP server while the block runs."""
    listener = await asyncio.start_server(server.handle, host, port, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()


class Sink:
    """An aiosmtpd handler that keeps what it gets; `answers` overrides replies by command."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.envelopes: list[Envelope] = []
        self.sessions: list[Session] = []

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, replies: list[str]
    ) -> list[str]:
        """Count the connection."""
        session.host_name = hostname
        self.sessions.append(session)
        return replies

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Note the sender, or refuse it."""
        if "MAIL" in self.answers:
            return self.answers["MAIL"]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Note a recipient, or refuse it; an answer named after the address wins."""
        answer = self.answers.get(address, self.answers.get("RCPT", "250 OK"))
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep the message, or refuse it."""
        if "DATA" in self.answers:
            return self.answers["DATA"]
        self.envelopes.append(envelope)
        return "250 OK queued as 42"


@asynccontextmanager
async def smtp_sink(sink: Sink, **options: Any) -> AsyncIterator[int]:
    """Run a real SMTP server on a free loopback port while the block runs; yields the port."""
    loop = asyncio.get_running_loop()
    options = {"enable_SMTPUTF8": True, "hostname": "sink.test", "ident": "sink", **options}

    def speak() -> SMTP:
        with warnings.catch_warnings():
            # aiosmtpd warns of logins in the clear, which is what some tests need.
            warnings.simplefilter("ignore", UserWarning)
            return SMTP(sink, loop=loop, **options)

    listener = await loop.create_server(speak, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()


def accept_login(username: str, password: str) -> Callable[..., AuthResult]:
    """Make an authenticator that knows one account."""

    def authenticate(
        server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        given = (data.login, data.password)
        return AuthResult(success=given == (username.encode(), password.encode()), handled=False)

    return authenticate


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def talking(talk: Talk) -> AsyncIterator[int]:
    """Run a server that speaks as `talk` does, for misbehaviour no library offers."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()


@dataclass(frozen=True, slots=True)
class Certified:
    """A self-signed certificate and its private key, both as PEM."""

    certificate: str
    private_key: str


def certify(name: str, *, days: int = 1) -> Certified:
    """Make a self-signed certificate for `name`, good for some days from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Certified(signed.public_bytes(serialization.Encoding.PEM).decode(), private.decode())


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a self-signed certificate for `name`: contexts of a server and of a trusting client."""
    made = certify(name)
    return serving_as(folder, made), ssl.create_default_context(cadata=made.certificate)


def serving_as(folder: Path, made: Certified) -> ssl.SSLContext:
    """Return the context of a server that has a certificate."""
    path = folder / "server.pem"
    path.write_text(made.certificate + made.private_key)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server
