"""The error codes of Function Compute ("Error codes"), and whose they are elsewhere."""

from __future__ import annotations

from localcloud.errors import ApiError

_ROWS = {
    "InvalidArgument": (400, "%s"),
    "MissingRequiredHeader": (400, "required HTTP header %s was not specified"),
    "PathNotSupported": (400, "'%s' against '%s' is not supported"),
    "EntityTooLarge": (400, "payload size exceeds maximum allowed size (%s bytes)"),
    "AccessDenied": (403, "%s"),
    "SignatureNotMatch": (
        403,
        (
            "The request signature we calculated does not match the signature you provided. "
            "Check your access key and signing method"
        ),
    ),
    "InvalidAccessKeyID": (403, "invalid access key ID '%s'"),
    "ServiceNotFound": (404, "service '%s' does not exist"),
    "FunctionNotFound": (404, "function '%s' does not exist%s"),
    "VersionNotFound": (404, "version or alias '%s' of '%s' does not exist"),
    "AsyncTaskNotFound": (404, "async task '%s' does not exist"),
    "StatefulAsyncInvocationNotFound": (404, "stateful async invocation '%s' does not exist"),
    "StatefulAsyncInvocationAlreadyExists": (409, "invocation '%s' already exists"),
    "ResourceExhausted": (429, "%s instances of the function are busy, and no more may start"),
}
"""Status and message; the page shows neither the wording of the last four nor their status."""

_ADMISSION = {
    "SignatureDoesNotMatch": "SignatureNotMatch",
    "InvalidAccessKeyId.NotFound": "InvalidAccessKeyID",
}
"""What the other products call the same."""


def refused(code: str, *texts: object) -> ApiError:
    """Return an error of Function Compute, its blanks filled."""
    status, message = _ROWS[code]
    return ApiError(status, code, message % texts)


def not_admitted(error: ApiError, key_id: str) -> ApiError:
    """Return what Function Compute says where another product would say ``error``."""
    code = _ADMISSION.get(error.code, "AccessDenied")
    texts = {"InvalidAccessKeyID": (key_id,), "AccessDenied": (error.message,)}
    return refused(code, *texts.get(code, ()))
