"""Where OUT is written: a temporary file beside it that takes its name only when all is well, or a pipe.

Nothing half-written is ever seen under the final name, and nothing that was there is lost before its replacement is
whole and on the disk. Knows nothing of media.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path
from typing import BinaryIO, Protocol

from streamer.frame import FormatError
from streamer.transports.file.pipes import PipeOut

__all__ = ["Landing", "PipeLanding", "land"]


class Landing(Protocol):
    """Somewhere to write: `commit` at the end, or `discard`."""

    @property
    def file(self) -> BinaryIO | PipeOut: ...

    def commit(self) -> None: ...

    def discard(self) -> None: ...

    def stop(self) -> None:
        """Let go a write that waits for a reader."""


class PipeLanding:
    """Written straight through: standard output, a named pipe, a device; none of it can be taken back."""

    def __init__(self, file: PipeOut) -> None:
        self.file = file

    def stop(self) -> None:
        self.file.stop()

    def commit(self) -> None:
        """It has all gone already."""

    def discard(self) -> None:
        """Write no more."""
        self.file.close()


class _TemporaryFile:
    """A file that becomes `target` by renaming."""

    def __init__(self, target: Path, *, force: bool) -> None:
        self._target, self._force = target, force
        self._path = target.with_name(f".{target.name[:200]}.{secrets.token_hex(4)}.part")
        # Not tempfile: the file shall get the permissions that any new file gets here.
        self.file = os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666), "wb")

    def stop(self) -> None:
        """A disk always answers."""

    def commit(self) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        if self._force:
            self._keep_mode()
            os.replace(self._path, self._target)
        else:
            self._rename_onto_nothing()

    def discard(self) -> None:
        with contextlib.suppress(OSError):  # a full disk may object even to closing
            self.file.close()
        self._path.unlink(missing_ok=True)

    def _keep_mode(self) -> None:
        with contextlib.suppress(OSError):
            self._path.chmod(stat.S_IMODE(self._target.stat().st_mode))

    def _rename_onto_nothing(self) -> None:
        """Unlike a rename, a link fails where somebody has made the file in the meantime."""
        try:
            os.link(self._path, self._target)
        except FileExistsError:
            raise FormatError(f"{self._target} has appeared meanwhile; --force replaces it") from None
        except OSError:  # a file system without links
            os.replace(self._path, self._target)
        else:
            self._path.unlink()


def land(target: Path, *, source: Path | None, force: bool) -> Landing:
    """Ready to write `target`.

    Raises:
        FormatError: it is the input, exists without `force`, is a directory or cannot be made.
    """
    if target.is_dir():
        raise FormatError(f"{target} is a directory; name a file in it")
    if source is not None and target.exists() and target.samefile(source):
        raise FormatError(f"{target} is the input itself; write somewhere else")
    real = target.resolve()
    try:
        if real.exists() and not real.is_file():
            return PipeLanding(PipeOut(os.open(real, os.O_WRONLY), owned=True))
        if real.exists() and not force:
            raise FormatError(f"{target} exists; --force replaces it")
        return _TemporaryFile(real, force=force)
    except FileNotFoundError:
        raise FormatError(f"{target}: there is no directory {target.parent}") from None
    except OSError as error:
        raise FormatError(f"{target} cannot be written: {error.strerror}") from error
