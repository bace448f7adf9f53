"""Publishes a tone and a picture by FFmpeg's own WHIP muxer (H.264 and Opus): `ffmpeg_whip.py URL SECONDS FOLDER`.

A program of its own, because FFmpeg blocks while it speaks WHIP and brings its own DTLS and SRTP.
"""

from __future__ import annotations

import datetime
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

TONE_HZ = 440.0


def identity(folder: Path) -> dict[str, str]:
    """A P-256 pair for DTLS: some TLS libraries under FFmpeg cannot make one themselves."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ffmpeg")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "c.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "k.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return {"cert_file": str(folder / "c.pem"), "key_file": str(folder / "k.pem")}


def main(url: str, seconds: float, folder: Path) -> None:
    with av.open(url, "w", format="whip", options=identity(folder)) as out:
        sound = out.add_stream("libopus", rate=48000, layout="stereo", options={"application": "lowdelay"})
        picture = out.add_stream(
            "libx264",
            rate=20,
            width=320,
            height=180,
            pix_fmt="yuv420p",
            options={"profile": "baseline", "preset": "ultrafast", "tune": "zerolatency", "bf": "0", "g": "20"},
        )
        start = time.monotonic()
        for count in range(int(seconds * 50)):
            time.sleep(max(0.0, start + count / 50 - time.monotonic()))
            out.mux(sound.encode(tone(count)))
            if count % 5 in (0, 2):
                out.mux(picture.encode(scene(count)))


def tone(count: int) -> av.AudioFrame:
    wave = 0.3 * np.sin(2 * np.pi * TONE_HZ / 48000 * np.arange(count * 960, (count + 1) * 960))
    frame = av.AudioFrame.from_ndarray(np.repeat(wave.astype(np.float32), 2)[None], format="flt", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = 48000, count * 960, Fraction(1, 48000)
    return frame


def scene(count: int) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.full((270, 320), 40 + count % 100, np.uint8), format="yuv420p")
    frame.pts, frame.time_base = count, Fraction(1, 50)
    return frame


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]))
