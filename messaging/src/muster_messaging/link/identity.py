"""A process's own Ed25519 key, kept in a file that only its user can read, and the proof that it has it."""

import os
import time
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from muster_protos.v1.registration_pb2 import KeyProof

__all__ = ["Identity", "proof_is_valid"]


def _statement(purpose: str, name: str, signed_at_ms: int) -> bytes:
    return b"\0".join((b"muster.v1.join", purpose.encode(), name.encode(), str(signed_at_ms).encode()))


class Identity:
    """A private key. `purpose` is "agent" or "broker", so that a proof made for one is no proof for the other."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def load_or_create(cls, path: Path) -> "Identity":
        """Return the key in the file at `path`; makes it (mode 0600) when there is none."""
        if path.exists():
            key = load_pem_private_key(path.read_bytes(), password=None)
            if not isinstance(key, Ed25519PrivateKey):
                raise ValueError(f"{path} holds a key that is not Ed25519")
            return cls(key)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
        return cls(key)

    @property
    def public_key(self) -> bytes:
        """The 32 raw bytes by which the server knows this process."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def prove(self, purpose: str, name: str) -> KeyProof:
        """Return a proof of possession, good for ten minutes."""
        now = time.time_ns() // 1_000_000
        signature = self._key.sign(_statement(purpose, name, now))
        return KeyProof(public_key=self.public_key, signed_at_ms=now, signature=signature)


def proof_is_valid(proof: KeyProof, purpose: str, name: str) -> bool:
    """Tell whether the signature fits; whether it is fresh is the caller's to judge."""
    try:
        key = Ed25519PublicKey.from_public_bytes(proof.public_key)
        key.verify(proof.signature, _statement(purpose, name, proof.signed_at_ms))
    except (InvalidSignature, ValueError):
        return False
    return True
