"""Cursors: opaque to clients, and only a place in an order."""

from base64 import b64decode, urlsafe_b64encode
from binascii import Error as Base64Error

from muster_shared_models.problems import MusterError, Reason

__all__ = ["MAX_PAGE", "make_cursor", "read_cursor"]

MAX_PAGE = 200


def make_cursor(*place: str | int) -> str:
    """Return a cursor for a place."""
    return urlsafe_b64encode("|".join(map(str, place)).encode()).decode().rstrip("=")


def read_cursor(cursor: str | None, parts: int) -> list[str] | None:
    """Return the place of a cursor, None when there is none; raises INVALID_REQUEST."""
    if not cursor:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        place = b64decode(padded, altchars=b"-_", validate=True).decode().split("|")
    except (Base64Error, ValueError):
        place = []
    if len(place) != parts:
        raise MusterError(Reason.INVALID_REQUEST, "The cursor is not one of ours.", "Begin again without a cursor.")
    return place
