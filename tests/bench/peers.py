"""The denoisers we measure ourselves against, each run frame by frame as it would be live: GTCRN, DTLN, RNNoise.

Every one is a function from a noisy recording to the cleaned one, of the same length and in time with it, and the
rate it works at. None of them is shipped; GTCRN and DTLN are ONNX files in the packs, RNNoise comes with pyrnnoise.
"""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Denoiser", "Wave", "open_peers"]

Wave = NDArray[np.float32]


@dataclass(frozen=True)
class Denoiser:
    """`run` maps `[T]` at `rate` to `[T]`."""

    name: str
    rate: int
    run: Callable[[Wave], Wave]


def open_peers(folder: Path) -> list[Denoiser]:
    """Those peers that this machine has: `folder` is the packs' `peers`."""
    peers = []
    if (folder / "gtcrn").exists():
        peers.append(Denoiser("GTCRN", 16_000, _gtcrn(folder / "gtcrn" / "gtcrn_simple.onnx")))
    if (folder / "DTLN").exists():
        peers.append(
            Denoiser("DTLN", 16_000, _dtln(folder / "DTLN" / "model_1.onnx", folder / "DTLN" / "model_2.onnx"))
        )
    library = importlib.util.find_spec("pyrnnoise")
    if library is not None and library.origin is not None:
        peers.append(Denoiser("RNNoise", 48_000, _rnnoise(Path(library.origin).parent / "librnnoise.so")))
    return peers


def _session(path: Path) -> Any:
    import onnxruntime

    runtime: Any = onnxruntime
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _zeros(session: Any, names: tuple[str, ...]) -> dict[str, NDArray[np.float32]]:
    return {i.name: np.zeros(i.shape, np.float32) for i in session.get_inputs() if i.name in names}


def _gtcrn(path: Path) -> Callable[[Wave], Wave]:
    """512 window, 256 hop, square root of Hann; one frame in, one frame out, three caches."""
    session = _session(path)
    caches = ("conv_cache", "tra_cache", "inter_cache")
    window = np.sqrt(np.hanning(513)[:-1]).astype(np.float32)

    def run(x: Wave) -> Wave:
        state = _zeros(session, caches)
        padded = np.pad(x, (256, 512))
        out = np.zeros(len(padded), np.float32)
        for at in range(0, len(padded) - 511, 256):
            bins = np.fft.rfft(padded[at : at + 512] * window)
            frame = np.stack([bins.real, bins.imag], -1).astype(np.float32)[None, :, None]
            made, *fresh = session.run(None, {"mix": frame, **state})
            state = dict(zip(caches, fresh, strict=True))
            out[at : at + 512] += np.fft.irfft(made[0, :, 0, 0] + 1j * made[0, :, 0, 1]) * window
        return out[256 : 256 + len(x)]

    return run


def _dtln(first: Path, second: Path) -> Callable[[Wave], Wave]:
    """512 block, 128 shift: a mask on the spectrum, then a learned basis, each with its own LSTM state."""
    sessions = _session(first), _session(second)

    def run(x: Wave) -> Wave:
        states = [_zeros(sessions[0], ("input_3",))["input_3"], _zeros(sessions[1], ("input_5",))["input_5"]]
        padded = np.pad(x, (384, 512))
        out = np.zeros(len(padded), np.float32)
        for at in range(0, len(padded) - 511, 128):
            bins = np.fft.rfft(padded[at : at + 512])
            size = np.abs(bins).astype(np.float32)[None, None]
            mask, states[0] = sessions[0].run(None, {"input_2": size, "input_3": states[0]})
            guess = np.fft.irfft(bins * mask[0, 0]).astype(np.float32)[None, None]
            made, states[1] = sessions[1].run(None, {"input_4": guess, "input_5": states[1]})
            out[at : at + 512] += made[0, 0]
        return out[384 : 384 + len(x)]

    return run


def _rnnoise(library: Path) -> Callable[[Wave], Wave]:
    """480-sample frames at 48 kHz; its output is two frames late."""
    lib = ctypes.CDLL(str(library))
    lib.rnnoise_create.restype = ctypes.c_void_p
    floats = ctypes.POINTER(ctypes.c_float)
    lib.rnnoise_process_frame.argtypes = [ctypes.c_void_p, floats, floats]
    lib.rnnoise_destroy.argtypes = [ctypes.c_void_p]

    def run(x: Wave) -> Wave:
        state = lib.rnnoise_create(None)
        padded = np.pad(x, (0, 1440 - len(x) % 480)).astype(np.float32) * np.float32(32768)
        made = np.zeros_like(padded)
        for at in range(0, len(padded) - 479, 480):
            frame, out = padded[at : at + 480].copy(), np.zeros(480, np.float32)
            lib.rnnoise_process_frame(state, out.ctypes.data_as(floats), frame.ctypes.data_as(floats))
            made[at : at + 480] = out
        lib.rnnoise_destroy(state)
        result: Wave = (made[960 : 960 + len(x)] / 32768).astype(np.float32)
        return result

    return run
