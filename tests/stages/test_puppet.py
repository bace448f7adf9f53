"""The anchor's process: what it does when told, and how its answers travel."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

pytest.importorskip("skia", reason="drawing needs libEGL: apt install libegl1 libgl1", exc_type=ImportError)

from models.mouth import MOUTH
from models.rig import INDEX, aperture, posed
from streamer.stages.moments import HEADER, body_length, packed, unpacked
from streamer.stages.puppet import Puppet, main

HELLO = [["HH", 0.5, 0.6], ["AA1", 0.6, 0.9], ["M", 0.9, 1.0], ["", 1.0, 1.5]]
OPEN = [0.6 if name == "jawOpen" else 0.0 for name in MOUTH]


def opening(puppet: Puppet, at_s: float) -> float:
    return aperture(puppet.take({"pose": at_s}).pose)


def test_phones_move_the_mouth_at_their_time_and_an_interruption_shuts_it():
    puppet = Puppet()
    puppet.take({"source": "text", "phones": HELLO})
    assert opening(puppet, 0.2) < 0.02
    assert opening(puppet, 0.72) > 0.2
    assert opening(puppet, 0.92) < 0.05  # lips meet for m
    puppet.take({"cut": 0.62})
    assert opening(puppet, 0.85) < 0.1


def test_phones_that_were_told_already_are_left_alone():
    puppet = Puppet()
    puppet.take({"source": "text", "phones": HELLO})
    puppet.take({"phones": HELLO})
    assert opening(puppet, 0.72) > 0.2


def test_a_voice_moves_the_mouth_between_what_was_heard_and_silence_shuts_it():
    puppet = Puppet()
    puppet.take({"source": "voice", "mouth": [[0.01 * n, -20.0, *OPEN] for n in range(50)]})
    assert opening(puppet, 0.255) == pytest.approx(0.6, abs=0.01)
    assert opening(puppet, 0.5) == pytest.approx(0.6, abs=0.01)
    assert opening(puppet, 0.9) == 0.0
    puppet.take({"mouth": [[0.1, -60.0, *[0.0] * len(MOUTH)]]})  # time went back: somebody else
    assert opening(puppet, 0.1) == 0.0


def test_feelings_show_from_their_time_on():
    puppet = Puppet()
    puppet.take({"feel": ["happy", 2.0]})
    smile = [puppet.take({"pose": at_s}).pose[INDEX["mouthSmileLeft"]] for at_s in (1.9, 2.6)]
    assert smile[0] < 0.3 < 0.5 < smile[1]


def test_a_tracked_face_is_followed_between_its_pictures_and_left_when_it_is_lost():
    puppet, rows = (
        Puppet(),
        [[at_s, *posed({"headYaw": yaw}).tolist()] for at_s, yaw in ((1.0, 0), (1.04, 8), (1.08, 8))],
    )
    puppet.take({"source": "face", "face": rows})
    yaws = [float(puppet.take({"pose": at_s}).pose[INDEX["headYaw"]]) for at_s in (1.0, 1.02, 1.05, 1.3)]
    assert yaws == pytest.approx([0, 4, 8, 8])
    assert puppet.take({"pose": 1.7}).pose[INDEX["headYaw"]] != 8


def test_what_is_drawn_moves_and_can_be_clear():
    puppet = Puppet()
    puppet.take({"look": {"width": 96, "height": 96, "mark": False}, "source": "text", "phones": HELLO})
    shut, wide = (puppet.take({"draw": at_s}).planes for at_s in (0.2, 0.72))
    assert [plane.shape for plane in shut] == [(96, 96), (48, 48), (48, 48)]
    assert np.abs(shut[0].astype(int) - wide[0]).max() > 30
    puppet.take({"look": {"width": 96, "height": 96, "mark": False, "background": "none"}})
    *_, alpha = puppet.take({"draw": 0.8}).planes
    assert alpha.shape == (96, 96) and alpha.min() == 0 and alpha.max() == 255


def test_messages_that_make_no_sense_are_errors():
    puppet = Puppet()
    for wrong in ({"look": {"character": "nobody!"}}, {"feel": ["odd", 0.0]}, {"sing": 1}, {"source": "telepathy"}):
        with pytest.raises((ValueError, KeyError)):
            puppet.take(wrong)


def test_answers_come_back_whole_through_the_pipe():
    lines = [{"look": {"width": 64, "height": 64, "background": "none"}}, {"draw": 0.1}, {"pose": 0.2}]
    out = io.BytesIO()
    main(io.BytesIO(b"".join(json.dumps(line).encode() + b"\n" for line in lines)), out, Puppet().take)
    raw, answers = out.getvalue(), []
    while raw:
        header, length = raw[:HEADER], body_length(raw[:HEADER])
        answers.append(unpacked(header, raw[HEADER : HEADER + length]))
        raw = raw[HEADER + length :]
    assert [answer.at_s for answer in answers] == [0.1, 0.2]
    assert [plane.shape for plane in answers[0].planes] == [(64, 64), (32, 32), (32, 32), (64, 64)]
    assert answers[1].planes == ()
    again = unpacked(packed(answers[0])[:HEADER], packed(answers[0])[HEADER:])
    assert all((one == other).all() for one, other in zip(again.planes, answers[0].planes, strict=True))
    assert (again.pose == answers[0].pose).all()


def test_the_picture_of_a_moment_shows_the_mouth_of_that_moment():
    """Beeps as lips hear them, flashes as the mouth shows them: drawn in step to a picture's length."""
    puppet = Puppet()
    loud = [0.48 <= 0.01 * n % 1.0 < 0.68 for n in range(150)]
    rows = [[0.01 * n, -20.0, *(np.array(OPEN) * on).tolist()] for n, on in enumerate(loud)]
    puppet.take({"look": {"width": 128, "height": 128, "mark": False}, "source": "voice", "mouth": rows})
    times = np.arange(10, 30) / 30
    mouths = [puppet.take({"draw": at_s}).planes[0][80:95, 54:74] for at_s in times.tolist()]
    dark = np.array([(mouth < 90).sum() for mouth in mouths], float)
    level = np.array([loud[int(at_s * 100)] for at_s in times], float)
    alike = {lag: np.corrcoef(np.roll(dark, -lag)[3:-3], level[3:-3])[0, 1] for lag in range(-3, 4)}
    assert max(alike, key=alike.__getitem__) == 0 and alike[0] > 0.9
