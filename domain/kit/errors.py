"""Every error a caller may see, with Knock's code and HTTP status.

The family:

    AppError
    ├── Unauthenticated            401  authentication_required, api_key_missing, …
    ├── Forbidden                  403  authorization
    ├── NotFound                   404  resource_missing, workflow_missing, branch_not_found
    ├── BadRequest                 400  bearer_token_invalid, …
    │   └── IdempotencyKeyRefused  400  idempotency_key_mismatch, idempotency_key_too_long
    ├── BodyRefused
    │   ├── RequestTimeout         408  request_timeout
    │   └── PayloadTooLarge        413  payload_too_large
    ├── InvalidParams              422  invalid_params, with one FieldError per violation
    ├── Unprocessable              422  workflow_inactive, actor_missing, channel_invalid
    ├── RateLimited                429  rate_limit_exceeded, with seconds to wait
    └── Unavailable                503  service_unavailable
        └── QueryTooSlow           503  query_too_slow, not to be repeated as it is

Source of codes and body: Knock API reference, "Errors" and "Error codes".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import ClassVar, Self

from domain.kit.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class FieldError:
    """One violation: `field` is a dotted and indexed path such as `steps[0].channel_key`."""

    field: str
    message: str
    type: str | None = None

    def __str__(self) -> str:
        """Return it in one line."""
        return f"{self.field}: {self.message}"

    def under(self, place: str) -> FieldError:
        """Return it as it is told of something at a place, in which this field is."""
        return replace(self, field=f"{place}.{self.field}")


class AppError(Exception):
    """Base of all errors that are answered to a caller."""

    status_code: ClassVar[int] = 500
    code: str = "internal_error"
    error_type: str = "api_error"

    def __init__(self, message: str, *, code: str | None = None, field: str | None = None) -> None:
        """Make an error.

        Args:
            message: for people.
            code: if it is not that of its class.
            field: where it is told beside other things that are wrong; see `together`.
        """
        super().__init__(message)
        self.message = message
        self.field = field
        self.errors: tuple[FieldError, ...] = ()
        if code is not None:
            self.code = code

    @property
    def reasons(self) -> str:
        """Return in one line, for its caller, what is wrong."""
        return "; ".join(map(str, self.errors)) or self.message

    def body(self) -> JsonObject:
        """Return the error in Knock's wire shape; with `errors[]`, if there are any."""
        body: JsonObject = {
            "code": self.code,
            "message": self.message,
            "status": self.status_code,
            "type": self.error_type,
        }
        if self.errors:
            body["errors"] = [asdict(error) for error in self.errors]
        return body

    def told_at(self, field: str) -> Self:
        """Return it, told at a place where it is told beside others."""
        self.field = field
        return self

    def headers(self) -> dict[str, str]:
        """Return headers that go with the answer."""
        return {}


class Unauthenticated(AppError):
    """No credential, an unknown one, or one of the wrong kind."""

    status_code = 401
    code = "authentication_required"
    error_type = "authentication_error"


class Forbidden(AppError):
    """A credential of the right kind that may not do this."""

    status_code = 403
    code = "authorization"
    error_type = "authentication_error"


class NotFound(AppError):
    """The entity does not exist in this environment."""

    status_code = 404
    code = "resource_missing"


class UnknownBranch(NotFound):
    """A branch is named that does not exist."""

    code = "branch_not_found"
    error_type = "invalid_request_error"


class BadRequest(AppError):
    """The request as a whole cannot be served."""

    status_code = 400
    code = "bad_request"
    error_type = "invalid_request_error"


class IdempotencyKeyRefused(BadRequest):
    """An `Idempotency-Key` that cannot be taken for this request.

    The body has the member `error` beside the usual ones, which is all that the library has that
    Knock publishes (knocklabs/one_and_done).
    """

    def __init__(self, message: str, *, code: str, error: str) -> None:
        super().__init__(message, code=code)
        self.error = error

    def body(self) -> JsonObject:
        """Return the error in Knock's wire shape, with `error`."""
        return {**super().body(), "error": self.error}


class BodyRefused(AppError):
    """A body that was not read to its end; the connection ends with the answer."""

    error_type = "invalid_request_error"

    def headers(self) -> dict[str, str]:
        """End the connection, on which the rest of the body would follow."""
        return {"connection": "close"}


class RequestTimeout(BodyRefused):
    """The body did not arrive in time."""

    status_code = 408
    code = "request_timeout"


class PayloadTooLarge(BodyRefused):
    """The body is larger than the endpoint takes."""

    status_code = 413
    code = "payload_too_large"


def _summary(errors: Sequence[FieldError]) -> str:
    """Return the first violation and how many more there are: some clients show nothing else."""
    if not errors:
        return "The request has invalid parameters."
    more = len(errors) - 1
    return f"{errors[0]} (and {more} more)" if more else str(errors[0])


class InvalidParams(AppError):
    """One or more fields are wrong."""

    status_code = 422
    code = "invalid_params"
    error_type = "invalid_request_error"

    def __init__(self, errors: Sequence[FieldError], message: str | None = None) -> None:
        super().__init__(message or _summary(errors))
        self.errors = tuple(errors)

    @classmethod
    def of(cls, field: str, message: str, error_type: str | None = None) -> InvalidParams:
        """Build the error for a single field."""
        return cls([FieldError(field, message, error_type)])

    def body(self) -> JsonObject:
        """Return the error in Knock's wire shape, with `errors[]` in any case."""
        return {**super().body(), "errors": [asdict(error) for error in self.errors]}


def together(refusals: Sequence[AppError]) -> AppError:
    """Return one error for all that a request is refused for, so that its caller sees all at once.

    What does not exist comes first; else it is `invalid_params`, unless there is nothing to tell
    beside the only one. Each has its place in `errors[]`, with its code as the type.
    """
    if len(refusals) == 1:
        return refusals[0]
    errors: list[FieldError] = []
    for one in refusals:
        errors += one.errors
        if one.field is not None:
            errors.append(FieldError(one.field, one.message, one.code))
    errors = list(dict.fromkeys(errors))
    for one in refusals:
        if isinstance(one, NotFound):
            one.errors = tuple(errors)
            return one
    return InvalidParams(errors)


class Unprocessable(AppError):
    """The request is well formed but the state of the environment forbids it."""

    status_code = 422
    error_type = "invalid_request_error"


class RateLimited(AppError):
    """Too many requests of this kind; `retry_after` is in whole seconds."""

    status_code = 429
    code = "rate_limit_exceeded"
    error_type = "invalid_request_error"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after

    def headers(self) -> dict[str, str]:
        """Tell the client how long to wait, as Knock's SDKs honour it."""
        return {"retry-after": str(self.retry_after)}


class Unavailable(AppError):
    """A part the request needs is away; trying again is safe."""

    status_code = 503
    code = "service_unavailable"

    def headers(self) -> dict[str, str]:
        """Ask for a retry soon: the SDKs retry 5xx answers by themselves."""
        return {"retry-after": "1"}


class QueryTooSlow(Unavailable):
    """The database gave up a query that took too long; to repeat it as it is would be in vain.

    It stays a 503, because the request itself is correct and a busy database may be the reason, but
    it asks the SDKs, which repeat every 5xx, not to: they obey `x-should-retry`.
    """

    code = "query_too_slow"

    def headers(self) -> dict[str, str]:
        """Tell the SDKs not to repeat it by themselves."""
        return {"x-should-retry": "false"}
