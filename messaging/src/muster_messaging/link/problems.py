"""Errors over gRPC: a status code, and in its details a google.rpc.ErrorInfo whose `reason` is one of ours."""

from typing import Final

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from muster_shared_models.problems import MusterError, Reason, meaning

__all__ = ["read_problem", "write_status"]

DOMAIN: Final = "muster"


def write_status(error: MusterError, trace_id: str = "") -> grpc.Status:
    """Return what a servicer aborts with: `context.abort_with_status(write_status(error))`."""
    says = meaning(error.reason)
    info = ErrorInfo(reason=error.reason.value, domain=DOMAIN, metadata={"hint": error.hint, "trace_id": trace_id})
    details = AnyMessage()
    details.Pack(info)
    code = getattr(grpc.StatusCode, says.grpc).value[0]
    return rpc_status.to_status(Status(code=code, message=error.detail, details=[details]))


def read_problem(error: grpc.RpcError) -> MusterError:
    """Return the MusterError that the server sent, or what the transport itself says."""
    try:
        status = rpc_status.from_call(error)
    except ValueError:
        status = None
    for detail in status.details if status else ():
        info = ErrorInfo()
        if detail.Is(ErrorInfo.DESCRIPTOR) and detail.Unpack(info) and info.domain == DOMAIN:
            reason = Reason(info.reason) if info.reason in set(Reason) else Reason.INTERNAL
            return MusterError(reason, status.message, info.metadata.get("hint", ""))
    code = error.code()
    if code == grpc.StatusCode.DEADLINE_EXCEEDED:
        return MusterError(Reason.TIMED_OUT, "The server did not answer in time.")
    if code == grpc.StatusCode.UNAVAILABLE:
        return MusterError(Reason.UNAVAILABLE, f"The server cannot be reached: {error.details()}.")
    return MusterError(Reason.INTERNAL, f"The server answered {code.name}: {error.details()}.")
