"""What can be told of media by the first bytes of an RTP payload. Pure."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["opus_samples", "starts_key"]


def opus_samples(payload: bytes) -> int | None:
    """How many samples at 48 kHz an Opus packet holds (RFC 6716, 3.1), or None if it is not one."""
    if not payload:
        return None
    config, code = payload[0] >> 3, payload[0] & 3
    if config < 12:
        frame = (480, 960, 1920, 2880)[config & 3]
    elif config < 16:
        frame = (480, 960)[config & 1]
    else:
        frame = 120 << (config & 3)
    if code == 3 and len(payload) < 2:
        return None
    count = (1, 2, 2, payload[1] & 0x3F if code == 3 else 0)[code]
    return frame * count if 0 < frame * count <= 5760 else None


def starts_key(codec: str, payload: bytes) -> bool:
    """Whether an RTP payload, codec header included, is the first of a key picture (RFC 7741, 4.3; RFC 6184, 5.4)."""
    return _vp8_starts_key(payload) if codec == "VP8" else _h264_starts_key(payload)


def _vp8_starts_key(payload: bytes) -> bool:
    if not payload or payload[0] & 0x17 != 0x10:  # S, and partition 0
        return False
    at = 1
    if payload[0] & 0x80:
        flags = payload[1] if len(payload) > 1 else 0
        long_id = flags & 0x80 and len(payload) > 2 and payload[2] & 0x80
        at += 1 + bool(flags & 0x80) + bool(long_id) + bool(flags & 0x40) + bool(flags & 0x30)
    return len(payload) > at and payload[at] & 1 == 0


def _h264_starts_key(payload: bytes) -> bool:
    # A key picture starts with its sequence parameter set (7), alone or in an aggregate (24), where a delimiter or SEI
    # may stand before it, or with its first IDR slice (5), whole or as the first fragment (28).
    if len(payload) < 2:
        return False
    kind = payload[0] & 0x1F
    if kind == 24:
        return any(_nal_starts_key(unit[0] & 0x1F, unit[1:]) for unit in _aggregated(payload))
    if kind == 28:
        return bool(payload[1] & 0x80) and _nal_starts_key(payload[1] & 0x1F, payload[2:])
    return _nal_starts_key(kind, payload[1:])


def _nal_starts_key(kind: int, body: bytes) -> bool:
    # A slice that is not the picture's first has its first macroblock after 0, which is coded as a one bit.
    return kind == 7 or (kind == 5 and bool(body) and bool(body[0] & 0x80))


def _aggregated(payload: bytes) -> Iterator[bytes]:
    """The units of a STAP-A, each with its header."""
    at = 1
    while at + 2 < len(payload):
        size = int.from_bytes(payload[at : at + 2])
        if size:
            yield payload[at + 2 : at + 2 + size]
        at += 2 + size
