"""The server's own certificate: made once, kept in the data directory, pinned by join tokens."""

import os
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from muster_messaging.link.channel import certificate_pin

__all__ = ["Certificate", "load_or_make"]

YEARS = 10


class Certificate(NamedTuple):
    """PEM texts, and the pin that join tokens carry."""

    key: bytes
    certificate: bytes
    pin: str


def load_or_make(folder: Path) -> Certificate:
    """Return the certificate in `folder`; makes it (key mode 0600) when there is none."""
    key_path, certificate_path = folder / "server.key", folder / "server.crt"
    if not (key_path.exists() and certificate_path.exists()):
        _make(key_path, certificate_path)
    certificate = certificate_path.read_bytes()
    return Certificate(key_path.read_bytes(), certificate, certificate_pin(certificate.decode()))


def _make(key_path: Path, certificate_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "muster")])
    now = datetime.now(UTC)
    names = [x509.DNSName("muster"), x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365 * YEARS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with os.fdopen(os.open(key_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(pem)
    certificate_path.write_bytes(certificate.public_bytes(Encoding.PEM))
