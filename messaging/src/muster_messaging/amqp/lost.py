"""Why a channel or a link ended: pika's exceptions, unwrapped. None of them goes further than this."""

import re

from pika.exceptions import AMQPConnectionError, ChannelClosedByBroker, ConnectionClosedByBroker

__all__ = ["Lost", "lost_by"]

_QUOTED = re.compile(r"\((\d{3})\) '(.*)'")


class Lost(Exception):
    """A channel or a link ended. `code` is AMQP's (403, 404, 406 ...) when the server ended it, else 0."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def lost_by(reason: object) -> Lost:
    """Return why something ended."""
    reason = _innermost(reason)
    if isinstance(reason, ChannelClosedByBroker | ConnectionClosedByBroker):
        return Lost(int(reason.reply_code), str(reason.reply_text))
    # While a connection opens, pika keeps the server's answer as the text of its guess.
    if quoted := _QUOTED.search(str(reason)):
        return Lost(int(quoted[1]), quoted[2])
    return Lost(0, str(reason) or type(reason).__name__)


def _innermost(reason: object) -> object:
    """Return what pika's wrappers of wrappers are about: a refused connection, say."""
    for _ in range(10):
        inner = getattr(reason, "exception", None)
        if inner is None and (several := getattr(reason, "exceptions", None)):
            inner = several[-1]
        if inner is None and isinstance(reason, AMQPConnectionError) and reason.args:
            inner = reason.args[0] if isinstance(reason.args[0], Exception) else None
        if inner is None:
            break
        reason = inner
    return reason
