"""Bytes of output to text, across the borders of pieces."""

import codecs

from muster_shared_models.commands import OutputStream

__all__ = ["Decoders"]

#: Targets whose last bytes are half a character; forgetting one shows a replacement character.
MAX_KEPT = 10_000


class Decoders:
    """One incremental UTF-8 decoder per target and stream."""

    def __init__(self) -> None:
        self._decoders: dict[tuple[str, str, OutputStream], codecs.IncrementalDecoder] = {}

    def decode(self, command_id: str, agent_id: str, stream: OutputStream, data: bytes) -> str:
        """Return the text of the next bytes; what is no UTF-8 becomes U+FFFD."""
        key = (command_id, agent_id, stream)
        decoder = self._decoders.get(key)
        if decoder is None:
            if len(self._decoders) >= MAX_KEPT:
                self._decoders.pop(next(iter(self._decoders)))
            decoder = self._decoders[key] = codecs.getincrementaldecoder("utf-8")("replace")
        return decoder.decode(data)

    def forget(self, command_id: str, agent_id: str) -> None:
        """The target has ended."""
        for stream in OutputStream:
            self._decoders.pop((command_id, agent_id, stream), None)
