"""Addresses say whom a message is for. The broker understands all of them:

agent:<id> · agent:<name> · any:<selector> · all:<selector> · pool:<name> · user:<id> · server
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from muster_shared_models.problems import MusterError, Reason
from muster_shared_models.selectors import parse_selector

__all__ = ["Address", "AddressKind", "parse_address"]

#: Longer than the longest selector.
MAX_LENGTH = 520


class AddressKind(StrEnum):
    """The word before the colon."""

    AGENT = "agent"
    ANY = "any"
    ALL = "all"
    POOL = "pool"
    USER = "user"
    SERVER = "server"


_WORDS = frozenset(kind.value for kind in AddressKind) - {AddressKind.SERVER.value}


@dataclass(frozen=True, slots=True)
class Address:
    """`kind` and what follows the colon: an id or a name, a selector's text, or nothing for `server`."""

    kind: AddressKind
    value: str

    def __str__(self) -> str:
        return self.kind.value if self.kind is AddressKind.SERVER else f"{self.kind.value}:{self.value}"


@lru_cache(maxsize=4096)
def parse_address(text: str) -> Address:
    """Return the address that `text` spells; raises MusterError(INVALID_ADDRESS)."""
    if text == AddressKind.SERVER.value:
        return Address(AddressKind.SERVER, "")
    word, _, value = text.partition(":")
    if len(text) > MAX_LENGTH or word not in _WORDS or not value.strip():
        raise MusterError(
            Reason.INVALID_ADDRESS,
            f"'{text[:80]}' is not an address.",
            "Write agent:<name>, any:<selector>, all:<selector>, user:<id> or server.",
        )
    kind = AddressKind(word)
    if kind in (AddressKind.ANY, AddressKind.ALL):
        parse_selector(value)
    return Address(kind, value.strip())
