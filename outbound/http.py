"""One bounded HTTP call to an address that somebody else chose: send, read, log, judge.

A vendor builds the request (`build_request`, pure), hands it to `call`, and reads the answer
(`parse_response`, pure); so two of three parts are tested without a network.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum

import httpx

from domain.deliveries.delivery import DeliveryFailure, Exchange, Refused, Retry
from domain.kit.json_types import JsonObject, JsonValue
from outbound.egress import EgressRefused
from outbound.redaction import READ_BYTES, Redactor, parse_json
from outbound.transport import NEEDS_HTTP2

# Not retried: the same request would get the same answer.
FATAL_STATUS_CODES = frozenset({400, 401, 403, 404, 405, 413, 422})
RETRIED_STATUS_CODES = frozenset({408, 425, 429})
_LONGEST_WISH = 86_400.0
# For which part of a call's time a connection of HTTP/2 may be silent.
_SILENCE_SHARE = 0.8


class BodyEnd(StrEnum):
    """How the reading of a body ended."""

    WHOLE = "whole"
    TOO_LONG = "too_long"
    BROKEN_OFF = "broken_off"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers, as much of the body as is read, and the entry for the log.

    `body_end` says whether that is all of the body; whoever needs no more than the status ignores
    it.
    """

    status_code: int
    headers: httpx.Headers
    body: bytes
    exchange: Exchange
    body_end: BodyEnd = BodyEnd.WHOLE

    @property
    def is_success(self) -> bool:
        """Tell whether the status is 2xx."""
        return 200 <= self.status_code < 300

    def json(self) -> JsonValue:
        """Decode the body; None when it is not JSON."""
        return parse_json(self.body.decode("utf-8", "replace"))


async def call(
    http: httpx.AsyncClient,
    request: httpx.Request,
    *,
    service_name: str,
    timeout: float,
    connect: float = 10.0,
    secrets: Iterable[str] = (),
    most_bytes: int = READ_BYTES,
    shown: httpx.Request | None = None,
) -> Answer:
    """Send `request` once, following no redirect.

    `timeout` bounds the whole exchange, `connect` the connection with its TLS; both in seconds. Of
    the body `most_bytes` are read. `shown` is logged in the place of a request that has what no log
    is to keep.

    Raises Retry when no answer came, and Refused when the request may not or cannot be sent.
    Any answer is returned, whatever its status.
    """
    redactor = Redactor.of_request(request, secrets)
    logged = log_request(shown or request, redactor)
    unanswered = Exchange(service_name, logged)
    is_http2 = bool(request.extensions.get(NEEDS_HTTP2))
    # A connection that many share is left alone after a time-out of its own, not after one of ours.
    silence = timeout * _SILENCE_SHARE if is_http2 else timeout
    limits = httpx.Timeout(silence, connect=min(silence, connect))
    request.extensions["timeout"] = limits.as_dict()
    # Decoded here, with a bound: httpx would unpack a small bomb into a large body.
    request.headers.setdefault("accept-encoding", "gzip, deflate")
    deadline = asyncio.get_running_loop().time() + timeout
    try:
        async with asyncio.timeout_at(deadline):
            response = await http.send(request, stream=True, follow_redirects=False)
    except EgressRefused as error:
        raise Refused(f"The request was not sent: {error}.", unanswered) from None
    except (httpx.LocalProtocolError, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        if is_http2 and isinstance(error, httpx.LocalProtocolError):
            # The connection was not ready for it, which says nothing of the request.
            raise Retry(f"{service_name} accepts no more requests.", unanswered) from None
        raise Refused("The request is malformed and was not sent.", unanswered) from None
    except (TimeoutError, httpx.TimeoutException):
        raise Retry(f"{service_name} did not answer in time.", unanswered) from None
    except httpx.HTTPError as error:
        kind = type(error).__name__
        raise Retry(f"{service_name} could not be reached ({kind}).", unanswered) from None
    body, body_end = await _read(response, deadline, most_bytes)
    answered: JsonObject = {
        "status": response.status_code,
        "headers": redactor.headers(response.headers),
        "body": redactor.body(body),
    }
    exchange = Exchange(service_name, logged, answered)
    return Answer(response.status_code, response.headers, body, exchange, body_end)


async def _read(response: httpx.Response, deadline: float, most: int) -> tuple[bytes, BodyEnd]:
    """Read a bounded body. One that breaks off or takes too long is as much as came of it.

    Its status has come, and is what counts: a message that was accepted must not be sent again
    because the end of the answer was lost.
    """
    raw = bytearray()
    end = BodyEnd.WHOLE
    try:
        async with asyncio.timeout_at(deadline):
            async for chunk in response.aiter_raw():
                raw += chunk
                if len(raw) > most:
                    end = BodyEnd.TOO_LONG
                    break
    except (TimeoutError, httpx.HTTPError):
        end = BodyEnd.BROKEN_OFF
    finally:
        await response.aclose()
    body, has_more = _decode(bytes(raw[:most]), response.headers, most)
    return body, BodyEnd.TOO_LONG if has_more else end


def _decode(raw: bytes, headers: httpx.Headers, most: int) -> tuple[bytes, bool]:
    """Undo the content encoding, to at most the bytes we read; tell whether there is more."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return raw, False
    if encoding not in ("gzip", "deflate"):
        return f"[{len(raw)} bytes encoded as {encoding}]".encode(), False
    for window in (47, -15):  # gzip or zlib by their header; some servers send bare deflate
        decoder = zlib.decompressobj(window)
        try:
            return decoder.decompress(raw, most), bool(decoder.unconsumed_tail)
        except zlib.error:
            continue
    return f"[{len(raw)} bytes of broken {encoding}]".encode(), False


def log_request(request: httpx.Request, redactor: Redactor) -> JsonObject:
    """Write a request as the delivery log shows it (Knock API reference, MessageDeliveryLog)."""
    return {
        "method": request.method,
        "host": request.url.netloc.decode("ascii"),
        "path": redactor.text(request.url.path),
        "query": redactor.query(request.url),
        "headers": redactor.headers(request.headers),
        "body": redactor.body(request.content),
    }


def failure_of(
    answer: Answer, *, now: datetime, fatal: Collection[int] = FATAL_STATUS_CODES
) -> DeliveryFailure:
    """Judge an answer that is not a success: Retry for what may pass, Refused for what will not.

    Codes that are neither named here nor by `fatal` are retried from 500 up and refused below.
    """
    code = answer.status_code
    if code not in fatal and (code >= 500 or code in RETRIED_STATUS_CODES):
        return retry_of(answer, now=now)
    return Refused(f"{answer.exchange.service_name} answered {code}.", answer.exchange)


def retry_of(answer: Answer, *, now: datetime) -> Retry:
    """Ask for another attempt, no sooner than the answer's `Retry-After` wishes."""
    after = parse_retry_after(answer.headers.get("retry-after"), now)
    reason = f"{answer.exchange.service_name} answered {answer.status_code}."
    return Retry(reason, answer.exchange, after=after)


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Read `Retry-After`, in seconds or as an HTTP date, as seconds from `now`; at most a day."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:6]) if len(text) <= 6 else _LONGEST_WISH, _LONGEST_WISH)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:  # "-0000": a time in UTC of unknown origin
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.0), _LONGEST_WISH)
