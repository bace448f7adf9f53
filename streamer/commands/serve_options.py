"""What `limelight serve` may be told: arguments, their checks, and the frozen options that come of them.

Reads neither argv nor the environment; the composition root hands over what it was given.
"""

from __future__ import annotations

import argparse
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamer.place import sayable
from streamer.transports.tls import self_signed

if TYPE_CHECKING:
    from streamer.stages.cast import Cast

__all__ = ["LOOPBACK", "ServeOptions", "add_arguments", "options_from"]

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What `limelight serve` was told."""

    host: str
    port: int
    token: str | None
    tls: tuple[Path, Path] | None
    sessions: int
    device: str
    compile: bool
    cache: Path
    stt: str
    changer: bool
    voice: str
    vmc: tuple[str, int] | None
    vmc_shapes: str
    face_model: Path | None
    cast: Cast
    ice_servers: tuple[dict[str, Any], ...]
    udp_ports: tuple[int, int] | None
    public_ip: str | None
    origins: frozenset[str]
    idle_s: float
    longest_s: float

    @property
    def local(self) -> bool:
        return self.host in LOOPBACK

    def url(self, port: int) -> str:
        """Where a person should look."""
        host = (
            socket.gethostname()
            if self.host in ("0.0.0.0", "::")
            else f"[{self.host}]"
            if ":" in self.host
            else self.host
        )
        return f"{'https' if self.tls else 'http'}://{host}:{port}/" + (f"?token={self.token}" if self.token else "")


def add_arguments(parser: argparse.ArgumentParser, *, cache: Path, token: str | None) -> None:
    """The arguments of `limelight serve`; `cache` and `token` are what the environment says."""
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on; anything but loopback needs a token")
    add("--port", type=int, default=8080, help="TCP port")
    add(
        "--token",
        default=token,
        help="what clients must show (env LIMELIGHT_TOKEN); made up when listening beyond loopback",
    )
    add("--tls", metavar="self-signed|CERT,KEY", help="serve https: a phone on the LAN has no microphone without it")
    add(
        "--device",
        type=_device,
        default="cpu",
        metavar="auto|cpu|cuda[:N]",
        help="where models run; auto: on the first GPU that CUDA can use, else on the processor",
    )
    add(
        "--no-compile",
        dest="compile",
        action="store_false",
        help="keep eager models; do not build compiled ones in the background",
    )
    add(
        "--cache",
        type=Path,
        default=cache,
        help="folder for compiled models and certificates (env LIMELIGHT_CACHE)",
    )
    add("--changer", action="store_true", help="sessions can change the person's voice; sound comes 30 ms later")
    add("--log-format", choices=("text", "json"), default="text", help="form of the log lines")
    add("--log-level", default="info", choices=("debug", "info", "warning", "error"), help="least level logged")
    _add_limits(add)
    _add_network(add)


def _add_limits(add: Callable[..., object]) -> None:
    add("--sessions", type=_positive, default=10, help="sessions at once; the next one is told to come back later")
    add(
        "--idle",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="a session that nobody is attached to ends after this",
    )
    add("--longest", type=float, default=12 * 3600.0, metavar="SECONDS", help="no session lasts longer")


def _add_network(add: Callable[..., object]) -> None:
    add(
        "--stt",
        choices=("limelight", "emformer", "off"),
        default="limelight",
        help="recogniser of the captions: the one that ships, the public Emformer (300 MB on first use), or none",
    )
    add(
        "--voice",
        choices=("limelight", "pocket", "off"),
        default="limelight",
        help="voice of what is typed: the one that ships, the public Pocket TTS (needs limelight[pocket]), or none",
    )
    add(
        "--vmc",
        type=_receiver,
        metavar="[HOST:]PORT",
        help="move the avatar of a VTuber tool with the anchor, by the VMC protocol: 39539 for VSeeFace and Warudo",
    )
    add("--vmc-shapes", choices=("vrm", "perfect-sync"), default="vrm", help="what that avatar's face is made of")
    add(
        "--portrait",
        type=Path,
        action="append",
        default=[],
        metavar="ME.json",
        help="sessions may have this likeness as their anchor `me` (made by limelight portrait); may be repeated",
    )
    add(
        "--face-model",
        type=Path,
        metavar="FILE",
        help="MediaPipe's face_landmarker.task: a face before the camera moves the anchor (needs limelight[face])",
    )
    add(
        "--ice-server",
        action="append",
        default=[],
        metavar="URL[,USER,PASSWORD]",
        help="a STUN or TURN server, for both ends; may be repeated",
    )
    add("--udp-ports", type=_port_range, metavar="A-B", help="UDP ports for media, such as 50000-50100")
    add("--public-ip", help="address to offer besides our own (behind a NAT that forwards the UDP ports)")
    add(
        "--allow-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="a web origin besides our own; may be repeated",
    )


def options_from(given: argparse.Namespace) -> ServeOptions:
    """Checked options.

    Raises:
        ValueError: a file or a server address that cannot be used; says which.
        OSError: no certificate can be written to the cache.
    """
    tls: tuple[Path, Path] | None = None
    if given.tls == "self-signed":
        tls = self_signed(given.cache, host=given.host)
    elif given.tls:
        certificate, _, key = given.tls.partition(",")
        tls = (Path(certificate), Path(key))
        if missing := [str(path) for path in tls if not path.is_file()]:
            raise ValueError(f"--tls: no such file: {', '.join(missing)} (give CERT,KEY or self-signed)")
    token = given.token or (None if given.host in LOOPBACK else secrets.token_urlsafe(16))
    return ServeOptions(
        host=given.host,
        port=given.port,
        token=token,
        tls=tls,
        sessions=given.sessions,
        device=given.device,
        compile=given.compile,
        cache=given.cache,
        stt=given.stt,
        changer=given.changer,
        voice=given.voice,
        vmc=given.vmc,
        vmc_shapes=given.vmc_shapes,
        face_model=_face_model(given.face_model),
        cast=_cast(given.portrait),
        ice_servers=tuple(_ice_server(text) for text in given.ice_server),
        udp_ports=given.udp_ports,
        public_ip=given.public_ip,
        origins=frozenset(given.allow_origin),
        idle_s=given.idle,
        longest_s=given.longest,
    )


def _ice_server(text: str) -> dict[str, Any]:
    url, *login = text.split(",", 2)
    if not url.startswith(("stun:", "turn:", "turns:")) or len(login) == 1:
        raise ValueError(f"--ice-server {text!r}: must be stun:HOST:PORT or turn:HOST:PORT,USER,PASSWORD")
    return {"urls": url} | (dict(zip(("username", "credential"), login, strict=True)) if login else {})


def _device(text: str) -> str:
    if not sayable(text):
        raise argparse.ArgumentTypeError(f"{text!r} is none of auto, cpu, cuda, cuda:0, cuda:1 …")
    return text


def _face_model(path: Path | None) -> Path | None:
    """Tried at the start, so that who asks for it hears at once what is missing; raises `FormatError`."""
    if path is not None:
        from streamer.stages.tracker import load_tracker

        load_tracker(path).close()
    return path


def _cast(portraits: list[Path]) -> Cast:
    """Tried at the start as well; raises ValueError."""
    from streamer.stages.cast import cast_of

    return cast_of(portraits)


def _receiver(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not (port.isdigit() and 1 <= int(port) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no [HOST:]PORT such as 39539 or 192.168.1.20:39539")
    return host.strip("[]") or LOOPBACK[0], int(port)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _port_range(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    if not (first.isdigit() and last.isdigit() and 1024 <= int(first) <= int(last) <= 65535):
        raise argparse.ArgumentTypeError("must be A-B with 1024 <= A <= B <= 65535")
    return int(first), int(last)
