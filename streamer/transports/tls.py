"""A certificate for phones on the LAN: browsers give a microphone only to https pages."""

from __future__ import annotations

import datetime
import ipaddress
import os
import socket
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

__all__ = ["self_signed"]

DAYS = 397  # the longest that browsers accept


def self_signed(folder: Path, *, host: str) -> tuple[Path, Path]:
    """`(certificate, key)` in `folder`, made now if missing or about to expire; names this machine and `host`.

    The browser will warn once: nobody but this machine vouches for it.
    """
    certificate, key = folder / "self-signed.crt", folder / "self-signed.key"
    if not _fresh(certificate, key):
        folder.mkdir(parents=True, exist_ok=True)
        _make(certificate, key, host)
    return certificate, key


def _fresh(certificate: Path, key: Path) -> bool:
    if not (certificate.is_file() and key.is_file()):
        return False
    expires = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    return expires - datetime.datetime.now(datetime.UTC) > datetime.timedelta(days=7)


def _make(certificate: Path, key: Path, host: str) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Limelight on " + socket.gethostname()[:40])])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName(_names(host)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(pem)
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))


def _names(host: str) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.DNSName(socket.gethostname())]
    addresses = {"127.0.0.1", "::1", *_own_addresses()}
    try:
        addresses.add(str(ipaddress.ip_address(host)))
    except ValueError:
        names.append(x509.DNSName(host))
    return names + [x509.IPAddress(ipaddress.ip_address(address)) for address in sorted(addresses)]


def _own_addresses() -> list[str]:
    try:
        return [str(item[4][0]).split("%")[0] for item in socket.getaddrinfo(socket.gethostname(), None)]
    except OSError:
        return []
