"""Public files that are fetched on first use: one kept copy of each, checked on every use.

A file is known by its SHA-256 where its publisher gives one; else the sum of the first copy is kept beside the file, so
that a later change is noticed, and that first copy is trusted as it came over TLS. Files are data: whoever reads them
uses safetensors or `weights_only`. Knows nothing of what is in them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, BinaryIO
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

__all__ = ["Asset", "Damaged", "Progress", "Unavailable", "fetch"]

Progress = Callable[[int, int | None], None]
"""Told the bytes that are here and, where known, the bytes there will be."""

PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Asset:
    """A file somebody else publishes: where it is, under what licence, and its checksum if they tell."""

    name: str
    url: str
    licence: str
    sha256: str | None = None


class Unavailable(OSError):
    """The file is not here and cannot be fetched; the text says what to do by hand."""


class Damaged(OSError):
    """The file is here and is not what it was; the text says what to do."""


def fetch(
    asset: Asset, folder: Path, *, progress: Progress = lambda _here, _whole: None, timeout_s: float = 20.0
) -> Path:
    """The path of the kept copy, fetched if there is none. `timeout_s` bounds every wait on the network.

    Raises:
        Unavailable: it cannot be fetched, or not be kept in `folder`.
        Damaged: its checksum is wrong.
    """
    path = folder / asset.name
    if not path.exists():
        try:
            _download(asset, path, progress, timeout_s)
        except (OSError, HTTPException) as error:
            raise Unavailable(_advice(asset, path, error)) from error
    _check(asset, path)
    return path


def _download(asset: Asset, path: Path, progress: Progress, timeout_s: float) -> None:
    """Under its name only when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with urlopen(asset.url, timeout=timeout_s) as answer, part.open("wb") as file:
            _copy(answer, file, progress)
        part.replace(path)
    except HTTPError as error:
        error.close()  # it is the answer too, with its socket
        raise
    finally:
        part.unlink(missing_ok=True)


def _copy(answer: Any, file: BinaryIO, progress: Progress) -> None:
    length = answer.headers.get("Content-Length")
    whole, here = int(length) if length else None, 0
    while piece := answer.read(PIECE):
        file.write(piece)
        here += len(piece)
        progress(here, whole)
    if whole is not None and here != whole:
        raise OSError(f"the connection ended after {here} of {whole} bytes")


def _check(asset: Asset, path: Path) -> None:
    """Against the published sum, or that of the first copy, which is kept on first sight."""
    found, kept = _sha256(path), path.with_name(path.name + ".sha256")
    if asset.sha256 is None and not kept.exists():
        kept.write_text(f"{found}  {path.name}\n")
    wanted = asset.sha256 or kept.read_text().split()[0]
    if found != wanted:
        raise Damaged(
            f"{path} has the SHA-256 {found}, not {wanted}: delete it and start again"
            + ("" if asset.sha256 else f"; if its publisher did change it, delete {kept.name} beside it as well")
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _advice(asset: Asset, path: Path, error: Exception) -> str:
    reason = error.reason if isinstance(error, URLError) else error
    return (
        f"{asset.name} is not here and cannot be downloaded ({reason}). Without a connection: get\n"
        f"  {asset.url}\non another machine and put it here:\n  {path}"
    )
