"""Which DTLS ciphers are taken. aiortc offers those of ECDSA certificates alone; GStreamer's certificate is RSA.

RFC 8827, section 6.5, makes the first one mandatory to implement and leaves the others open.
"""

from __future__ import annotations

from typing import Any

from aiortc import RTCPeerConnection

__all__ = ["take_rsa"]

CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:"
    b"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305"
)


def take_rsa(pc: RTCPeerConnection) -> None:
    """Let the other side of `pc` have an RSA certificate. Call before it connects."""
    certificates: list[Any] = pc._RTCPeerConnection__certificates  # type: ignore[attr-defined]
    for certificate in certificates:
        certificate._create_ssl_context = _with_rsa(certificate._create_ssl_context)


def _with_rsa(make: Any) -> Any:
    def context(srtp_profiles: Any) -> Any:
        made = make(srtp_profiles)
        made.set_cipher_list(CIPHERS)
        return made

    return context
