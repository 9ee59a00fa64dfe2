"""The one place where errors become HTTP answers: RFC 9457, always the same shape."""

import secrets

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from muster_shared_models.problems import MusterError, Reason, meaning

__all__ = ["answer_problems", "problem_response"]

log = structlog.get_logger()

#: Seconds after which a client may try again, for reasons that pass.
_RETRY_AFTER = {Reason.OVERLOADED: 2, Reason.QUEUE_FULL: 5, Reason.DATABASE_BUSY: 2, Reason.UNAVAILABLE: 5,
                Reason.BUS_UNREACHABLE: 5}  # fmt: skip
_BY_STATUS = {404: Reason.NOT_FOUND, 405: Reason.NOT_FOUND, 401: Reason.UNAUTHENTICATED, 403: Reason.PERMISSION_DENIED}


def problem_response(error: MusterError) -> Response:
    """Return an error as `application/problem+json`."""
    trace_id = secrets.token_hex(8)
    headers = {"retry-after": str(_RETRY_AFTER[error.reason])} if error.reason in _RETRY_AFTER else {}
    status = meaning(error.reason).http
    if status >= 500:
        log.warning("request failed", reason=error.reason.value, detail=error.detail, trace_id=trace_id)
    return Response(error.problem(trace_id).model_dump_json(), status, headers, media_type="application/problem+json")


def answer_problems(app: FastAPI) -> None:
    """Let an application answer every error as a problem."""

    @app.exception_handler(MusterError)
    async def ours(_request: Request, error: MusterError) -> Response:
        return problem_response(error)

    @app.exception_handler(RequestValidationError)
    async def unreadable(_request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return problem_response(MusterError(Reason.INVALID_REQUEST, f"{where}: {first['msg']}."))

    @app.exception_handler(HTTPException)
    async def by_status(request: Request, error: HTTPException) -> Response:
        reason = _BY_STATUS.get(error.status_code, Reason.INVALID_REQUEST)
        detail = f"There is nothing at {request.method} {request.url.path[:200]}." if reason is Reason.NOT_FOUND else ""
        return problem_response(MusterError(reason, detail or str(error.detail)))

    @app.exception_handler(Exception)
    async def unexpected(_request: Request, error: Exception) -> Response:
        log.error("request crashed", exc_info=error)
        return problem_response(MusterError(Reason.INTERNAL, "The server made a mistake.", "Its log says more."))
