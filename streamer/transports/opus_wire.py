"""Opus packets on a websocket: one packet a message, 48 kHz."""

from __future__ import annotations

import numpy as np

from streamer.frame import AudioFrame, Sound
from streamer.transports.codecs import SoundDecoder, SoundEncoder

__all__ = ["OpusWire"]


class OpusWire:
    """See `Wire`. Packets of any duration in, of 20 ms out; the last one is filled up with silence."""

    def __init__(self, channels: int) -> None:
        self.samples_in = self.samples_out = 0
        self.channels = channels
        self._decoder, self._encoder = SoundDecoder(channels), SoundEncoder(channels)

    def decode(self, message: bytes) -> Sound:
        """Raises FormatError: not an Opus packet."""
        samples = self._decoder.decode(message)
        self.samples_in += samples.shape[1]
        return samples

    def finish_in(self) -> Sound:
        return np.empty((self.channels, 0), np.float32)

    def encode(self, samples: Sound) -> list[bytes]:
        packets = self._encoder.encode(AudioFrame(self.samples_out, samples))
        self.samples_out += samples.shape[1]
        return [packet.payload for packet in packets]

    def finish_out(self) -> list[bytes]:
        rest = -self.samples_out % self._encoder.packet
        silence = np.zeros((self.channels, rest), np.float32)
        return [packet.payload for packet in self._encoder.encode(AudioFrame(self.samples_out, silence))]
