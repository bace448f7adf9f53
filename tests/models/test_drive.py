"""What moves the anchor: the mouth from phones, feelings, life; all of it a function of the time alone."""

import numpy as np
import pytest

from models.acting import Actor
from models.drive import LEAD_S, MouthTrack
from models.feelings import Feelings, Marker, parted, unmarked
from models.life import Life
from models.prosody import beats_of_loudness, beats_of_phones, loudness_db
from models.rig import HIGHEST, INDEX, LOWEST, aperture, posed
from models.tts.types import Phone

REST = posed({})


def said(*phones: str, each_s: float = 0.09, start_s: float = 0.5) -> list[Phone]:
    return [Phone(name, start_s + k * each_s, start_s + (k + 1) * each_s) for k, name in enumerate(phones)]


def opening(phones: list[Phone], *, hz: int = 200, until_s: float = 2.0) -> np.ndarray:
    track = MouthTrack()
    track.extend(phones)
    return np.array([aperture(track.at(k / hz)) for k in range(int(until_s * hz))])


@pytest.mark.parametrize("phone", ["M", "B", "P"])
@pytest.mark.parametrize("each_s", [0.03, 0.09])
def test_lips_meet_for_m_b_p_when_they_are_heard_or_a_little_before(phone: str, each_s: float) -> None:
    phones = said("AA1", phone, "AA1", each_s=each_s)
    seen = opening(phones)
    shut = np.flatnonzero(seen[100:190] < 0.02)[[0, -1]] / 200 + 0.5
    assert shut[0] < phones[1].end_s
    assert shut[0] == pytest.approx(phones[1].start_s - LEAD_S, abs=0.03)
    assert shut[1] - shut[0] >= 1 / 40  # a picture at 30 Hz may miss it by a hair, no more
    assert seen[70:100].max() > 0.1 < seen[int(200 * phones[2].start_s) :].max()


def test_the_lower_lip_meets_the_teeth_for_f() -> None:
    track = MouthTrack()
    track.extend(said("AA1", "F", "AA1"))
    assert track.at(0.635 - LEAD_S)[INDEX["mouthRollLower"]] > 0.4


def test_the_mouth_leads_its_sound() -> None:
    seen = opening(said("", "AA1", "AA1", ""))
    half = np.flatnonzero(seen > seen.max() / 2)[0] / 200
    assert 0.59 - 0.12 < half < 0.59


def test_rounding_shows_before_it_is_heard() -> None:
    def pucker(vowel: str) -> float:
        track = MouthTrack()
        track.extend(said("S", "T", vowel))
        return float(track.at(0.56)[INDEX["mouthPucker"]])

    assert pucker("UW1") > 0.15 > pucker("IY1")


def test_pauses_and_ends_close_the_mouth_and_so_does_an_interruption() -> None:
    phones = said(*["AA1"] * 8)
    assert opening(phones)[-1] < 0.01
    track = MouthTrack()
    track.extend(phones)
    track.cut(0.7)
    assert aperture(track.at(0.66)) > 0.2 and aperture(track.at(0.95)) < 0.02
    track.extend(said("AA1", start_s=1.2))
    assert aperture(track.at(1.22)) > 0.2


def test_phones_that_do_not_follow_one_another_are_refused() -> None:
    track = MouthTrack()
    track.extend(said("AA1", "B"))
    with pytest.raises(ValueError, match="does not follow"):
        track.extend(said("AA1"))
    with pytest.raises(ValueError, match="no phone"):
        MouthTrack().extend([Phone("QX", 0, 1)])


def test_every_pose_of_an_actor_is_in_range_and_changes_by_no_jerk() -> None:
    actor, track = Actor(3, emotion="happy"), MouthTrack()
    phones = said("HH", "AH0", "L", "OW1", "", "W", "ER1", "L", "D", each_s=0.08)
    track.extend(phones)
    for beat in beats_of_phones(phones):
        actor.life.beat(beat.at_s, beat.strength)
    actor.feelings.feel("surprised", at_s=1.0)
    poses = np.stack([actor.pose(k / 60, track.at(k / 60)) for k in range(240)])
    assert (poses >= LOWEST).all() and (poses <= HIGHEST).all()
    mouth = [INDEX[name] for name in ("jawOpen", "mouthPucker", "mouthFunnel", "mouthSmileLeft")]
    assert np.abs(np.diff(poses[:, mouth], axis=0)).max() < 0.3


def test_life_is_the_same_at_any_frame_rate_and_in_any_order() -> None:
    one, other = Life(5), Life(5)
    forward = [one.at(k / 30) for k in range(200)]
    backward = [other.at(k / 30) for k in reversed(range(200))][::-1]
    assert (np.stack(forward) == np.stack(backward)).all()
    assert (Life(6).at(1.0) != one.at(1.0)).any()


def test_people_blink_about_as_often_as_people_do() -> None:
    life = Life(1)
    shut = np.array([life.at(k / 25)[INDEX["eyeBlinkLeft"]] > 0.5 for k in range(25 * 120)])
    a_minute = np.count_nonzero(np.diff(shut.astype(int)) == 1) / 2
    assert 12 < a_minute < 28
    assert shut.mean() < 0.08


def test_a_beat_nods_on_the_stressed_sound() -> None:
    life, still = Life(2), Life(2)
    life.beat(1.0, 1.0)
    nod = [life.at(t)[INDEX["headPitch"]] - still.at(t)[INDEX["headPitch"]] for t in np.arange(0, 2, 0.02)]
    assert np.argmin(nod) * 0.02 == pytest.approx(1.0, abs=0.03) and min(nod) < -3
    assert abs(nod[0]) < 0.01


def test_stress_is_heard_and_read() -> None:
    phones = said("HH", "AH0", "L", "OW1", "W", "ER1", "L", "D", each_s=0.2)
    assert [round(beat.at_s, 2) for beat in beats_of_phones(phones)] == [1.2, 1.6] or len(beats_of_phones(phones)) == 1
    at = np.arange(48_000 * 2) / 48_000
    sound = (0.02 + 0.5 * np.exp(-(((at - 0.8) / 0.08) ** 2))) * np.sin(at * 900)
    beats = beats_of_loudness(loudness_db(sound.astype(np.float32), 48_000))
    assert len(beats) == 1 and beats[0].at_s == pytest.approx(0.8, abs=0.03)


def test_feelings_change_when_told_and_by_markers() -> None:
    feelings = Feelings()
    feelings.feel("happy", at_s=1.0)
    smile = [feelings.at(t)[INDEX["mouthSmileLeft"]] for t in (0.9, 1.2, 2.0)]
    assert smile[0] < smile[1] < smile[2]
    assert unmarked("[happy] Hi! [Sad]Oh. [1] [sic]") == ("Hi! Oh. [1] [sic]", (Marker(0, "happy"), Marker(4, "sad")))
    with pytest.raises(ValueError, match=r"did you mean \[happy\]"):
        unmarked("[hapy] Hi")
    with pytest.raises(ValueError, match="no emotion"):
        Feelings("cheerful")


@pytest.mark.parametrize("text", ["Hi [", "Hi [hap", "Hi [" + 20 * "x"])
def test_what_may_be_the_beginning_of_a_marker_is_kept_apart(text: str) -> None:
    assert parted(text) == ("Hi ", text[3:])


@pytest.mark.parametrize("text", ["", "Hi", "Hi [happy]", "Hi [1", "Hi [hap py", "Hi [" + 21 * "x"])
def test_what_cannot_be_one_is_not(text: str) -> None:
    assert parted(text) == (text, "")
