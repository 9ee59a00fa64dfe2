"""TLS for the tests: a certificate for localhost, and an end that takes it off again."""

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

__all__ = ["a_certificate", "serve_tls"]


def a_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a self-signed certificate for localhost and its key; return both paths."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1)).not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


@contextmanager
def serve_tls(certificate: Path, key: Path, target: int) -> Iterator[int]:
    """Take TLS connections on a free port and pass on what is inside to `target`.

    In threads: asyncio reports a client that refuses our certificate, which is what a test is about, as our error.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))
    accepting = threading.Thread(target=_accept, args=(listener, context, target), daemon=True)
    accepting.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()


def _accept(listener: socket.socket, context: ssl.SSLContext, target: int) -> None:
    threads: list[threading.Thread] = []
    with suppress(OSError):  # the end: the listener was closed
        while True:
            plain, _ = listener.accept()
            threads.append(threading.Thread(target=_serve, args=(plain, context, target), daemon=True))
            threads[-1].start()
    for thread in threads:
        thread.join()


def _serve(plain: socket.socket, context: ssl.SSLContext, target: int) -> None:
    with (
        plain,
        suppress(OSError),
        context.wrap_socket(plain, server_side=True) as near,
        socket.create_connection(("127.0.0.1", target)) as far,
    ):
        back = threading.Thread(target=_pump, args=(far, near), daemon=True)
        back.start()
        _pump(near, far)
        back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
