"""What is read from, and taken out of, an SDP offer before it is answered (pure)."""

from __future__ import annotations

import re

from aiortc.sdp import SessionDescription

from streamer.frame import FormatError

__all__ = ["directions", "known_only", "wants_stereo"]

CODECS = {"audio": ("opus",), "video": ("vp8", "h264", "rtx")}


def wants_stereo(sdp: str) -> bool:
    """Whether an offer announces stereo Opus (RFC 7587, `stereo` or `sprop-stereo`)."""
    return re.search(r"^a=fmtp:.*\b(?:sprop-)?stereo=1\b", sdp, re.MULTILINE) is not None


def known_only(offer: str) -> str:
    """The offer with those codecs alone that we can decode, so that the answer names no other.

    Raises:
        FormatError: sound or picture without any.
    """
    return "".join(_known_part(part) for part in re.split(r"^(?=m=)", offer, flags=re.MULTILINE))


def _known_part(part: str) -> str:
    head = re.match(r"(m=(audio|video) \d+ \S+)[^\r\n]*", part)
    if head is None:
        return part
    named = re.findall(r"^a=rtpmap:(\d+) ([^/\s]+)", part, re.MULTILINE)
    kept = {number: name.lower() for number, name in named if name.lower() in CODECS[head[2]]}
    if not set(kept.values()) - {"rtx"}:
        raise FormatError(f"the offered {head[2]} has no codec that we know: Opus, VP8 or H.264 are needed")
    lines = [f"{head[1]} {' '.join(kept)}", *part[head.end() :].splitlines()[1:]]
    about = re.compile(r"a=(?:rtpmap|fmtp|rtcp-fb):(\d+)")
    return "".join(f"{line}\r\n" for line in lines if not (match := about.match(line)) or match[1] in kept)


def directions(sdp: str) -> dict[str | None, str]:
    """Direction by media id, as the other side sees it."""
    return {media.rtp.muxId: media.direction or "sendrecv" for media in SessionDescription.parse(sdp).media}
