"""Generated sound as bytes: every form can be read back, comes while it is made and tells the same sound."""

import io

import av
import numpy as np
import pytest

from streamer.frame import SOUND_HZ
from streamer.transports.speech_out import CONTENT_TYPES, Packets, Raw, open_file

TONE = (0.3 * np.sin(2 * np.pi * 300 * np.arange(SOUND_HZ) / SOUND_HZ)).astype(np.float32)[None]


def coded(out):
    parts = [out.push(TONE[:, at : at + 960]) for at in range(0, SOUND_HZ, 960)]
    early = b"".join(b"".join(part) for part in parts[:25])
    return early, b"".join(b"".join(part) for part in [*parts, out.finish()])


@pytest.mark.parametrize("form", CONTENT_TYPES)
def test_a_file_can_be_read_back_and_half_of_it_is_there_half_way(form):
    early, whole = coded(open_file(form))
    assert len(early) > 0.3 * len(whole)
    if form == "pcm":
        sound, rate = np.frombuffer(whole, "<i2") / 32768, 24_000
    else:
        with av.open(io.BytesIO(whole)) as file:
            parts = [frame.to_ndarray() for frame in file.decode(audio=0)]
            rate = file.streams.audio[0].rate
        sound = np.concatenate(parts, axis=1)[0]
        sound = sound / 32768 if sound.dtype.kind == "i" else sound
    assert len(sound) / rate == pytest.approx(1.0, abs=0.08)
    spectrum = np.abs(np.fft.rfft(sound[rate // 4 : rate // 4 + rate // 2]))
    assert 2 * np.argmax(spectrum) == pytest.approx(300, abs=4)
    assert np.percentile(np.abs(sound), 95) == pytest.approx(0.3, abs=0.03)


def test_raw_samples_have_the_rate_and_form_that_were_asked_for():
    _, whole = coded(Raw("f32le", rate=16_000))
    assert len(np.frombuffer(whole, "<f4")) == pytest.approx(16_000, abs=20)


def test_packets_are_one_a_message():
    out = Packets()
    assert all(len(out.push(TONE[:, at : at + 960])) == 1 for at in range(0, 4800, 960))
