"""What `limelight doctor` looks at, thing by thing: each look gives checks, and changes nothing that outlives it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from streamer.place import find_place

__all__ = [
    "Check",
    "Status",
    "cache",
    "codecs",
    "compiler",
    "drawing",
    "gpu",
    "packages",
    "ports",
    "processor",
    "python",
    "weights",
]

ROOMY_BYTES = 1 << 30
NEEDED_BYTES = 200 << 20
MEMORY_BYTES = 2 << 30
CODECS_NEEDED = ("opus", "vp8", "h264", "aac", "flac", "mp3", "vp9", "av1")
VECTORS = ("avx2", "avx512f", "avx512_bf16", "amx_tile", "neon", "asimd", "sve")


class Status(StrEnum):
    """`warn`: works, but less well."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what was found, and what to do about it."""

    name: str
    status: Status
    found: str
    advice: str = ""


def python() -> Iterator[Check]:
    version = platform.python_version()
    good = sys.version_info >= (3, 11)
    yield Check("python", Status.OK if good else Status.FAIL, version, "" if good else "install Python 3.11 or later")


def packages() -> Iterator[Check]:
    """What is installed against what the project asks for, and torch against torchaudio, which must be a pair."""
    wrong = [problem for text in _requirements() if (problem := _unmet(text))]
    advice = "pip install --upgrade limelight, in a fresh environment"
    yield Check(
        "packages", Status.FAIL if wrong else Status.OK, "; ".join(wrong) or "as pinned", advice if wrong else ""
    )
    torch, torchaudio = _version("torch"), _version("torchaudio")
    pair = torch is not None and torchaudio is not None and _minor(torch) == _minor(torchaudio)
    yield Check(
        "torch",
        Status.OK if pair else Status.FAIL,
        f"torch {torch or 'missing'}, torchaudio {torchaudio or 'missing'}",
        "" if pair else f"pip install torch=={_minor(torch or '2.11')}.* torchaudio=={_minor(torch or '2.11')}.*",
    )


def _requirements() -> list[str]:
    try:
        return importlib.metadata.requires("limelight") or []
    except importlib.metadata.PackageNotFoundError:
        return ["torch", "torchaudio", "av", "aiortc", "numpy", "websockets", "starlette", "uvicorn", "pydantic"]


def _unmet(text: str) -> str:
    """What is wrong with one requirement, or nothing; optional ones are not looked at."""
    try:
        wanted = Requirement(text)
    except InvalidRequirement:
        return ""
    if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
        return ""
    version = _version(wanted.name)
    if version is None:
        return f"{wanted.name} is missing"
    return (
        ""
        if wanted.specifier.contains(version, prereleases=True)
        else f"{wanted.name} {version}, not {wanted.specifier}"
    )


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _minor(version: str) -> str:
    return ".".join(version.split("+")[0].split(".")[:2])


def processor() -> Iterator[Check]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    flags = _cpu_flags()
    found = [name for name in VECTORS if name in flags]
    good = cores >= 2 and (not flags or bool(found))
    yield Check(
        "processor",
        Status.OK if good else Status.WARN,
        f"{cores} cores, {' '.join(found) or platform.machine()}",
        "" if good else "two cores with AVX2 or NEON carry one session comfortably; this is less",
    )
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    enough = memory >= MEMORY_BYTES
    advice = "" if enough else "2 GB are needed; lower --sessions"
    yield Check("memory", Status.OK if enough else Status.WARN, _size(memory), advice)


def _cpu_flags() -> set[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    return {flag for line in lines if line.startswith(("flags", "Features")) for flag in line.split()}


def gpu() -> Iterator[Check]:
    try:
        find_place("cuda")
    except ValueError as error:
        if shutil.which("nvidia-smi"):
            yield Check("gpu", Status.WARN, f"there is one, but {error}", "install a torch built for its CUDA")
        else:
            yield Check("gpu", Status.OK, "none; the models run on the processor")
        return
    import torch  # seconds: only when it is this one's turn

    card = torch.cuda.get_device_properties(0)
    found = f"{card.name}, {_size(card.total_memory)}, CUDA {torch.version.cuda}"
    yield Check("gpu", Status.OK, f"{found}; limelight serve --device cuda uses it")


def drawing() -> Iterator[Check]:
    """What draws the anchor needs two libraries of the system."""
    try:
        import skia
    except ImportError as error:
        yield Check("drawing", Status.WARN, f"no anchor: {error}", "apt install libegl1 libgl1")
    else:
        yield Check("drawing", Status.OK, f"skia {skia.__version__}")


def codecs() -> Iterator[Check]:
    from streamer.transports.file.codecs import codecs_found

    found = codecs_found(CODECS_NEEDED)
    lame = [name for name, (decodes, encodes) in found.items() if not (decodes and encodes)]
    vital = {"opus", "vp8", "h264"} & set(lame)
    words = ", ".join(
        name + ("" if all(can) else " (decode only)" if can[0] else " (encode only)" if can[1] else " (none)")
        for name, can in found.items()
    )
    status = Status.FAIL if vital else Status.WARN if lame else Status.OK
    yield Check("codecs", status, words, "pip install --force-reinstall av: its wheels have them all" if lame else "")


def compiler() -> Iterator[Check]:
    from streamer.ticks.compile import compiler

    found = compiler()
    advice = "" if found else "apt install g++: models then run compiled, about twice as fast"
    yield Check("compiler", Status.OK if found else Status.WARN, found or "none", advice)


def cache(folder: Path) -> Iterator[Check]:
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing) as probe:
            probe.write(b"limelight")
    except OSError as error:
        yield Check(
            "cache", Status.FAIL, f"{folder}: {error.strerror}", "set LIMELIGHT_CACHE to a folder that is yours"
        )
        return
    free = shutil.disk_usage(existing).free
    used = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder.exists() else 0
    status = Status.OK if free >= ROOMY_BYTES else Status.WARN if free >= NEEDED_BYTES else Status.FAIL
    found = f"{folder}: {_size(used)} used, {_size(free)} free"
    yield Check("cache", status, found, "" if status is Status.OK else "make room, or set LIMELIGHT_CACHE elsewhere")


def ports(host: str, port: int) -> Iterator[Check]:
    for name, kind, number in (("tcp", socket.SOCK_STREAM, port), ("udp", socket.SOCK_DGRAM, 0)):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            with socket.socket(family, kind) as probe:
                if kind == socket.SOCK_STREAM:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, number))
        except OSError as error:
            advice = (
                f"another program has it; limelight serve --port {port + 1}" if number else "a firewall or sandbox?"
            )
            yield Check(name, Status.FAIL, f"{host} port {number or 'any'}: {error.strerror}", advice)
        else:
            yield Check(name, Status.OK, f"{host} port {number or 'any'} is free")


def weights(folder: Path) -> Iterator[Check]:
    from safetensors import SafetensorError, safe_open

    paths = sorted(folder.glob("*.safetensors"))
    broken = []
    for path in paths:
        try:
            with safe_open(path, framework="numpy") as stored:
                stored.keys()
        except (OSError, SafetensorError):
            broken.append(path.name)
    good = bool(paths) and not broken
    found = f"broken: {', '.join(broken)}" if broken else ", ".join(path.stem for path in paths) or f"none in {folder}"
    yield Check("weights", Status.OK if good else Status.FAIL, found, "" if good else "install Limelight again")


def _size(count: float) -> str:
    return f"{count / 2**30:.1f} GB" if count >= 2**30 else f"{count / 2**20:.0f} MB"
