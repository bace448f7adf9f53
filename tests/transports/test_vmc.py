"""The rig to VRM avatars over the VMC protocol, heard by an independent receiver (python-osc)."""

from __future__ import annotations

import asyncio
import math

import numpy as np
import pytest
from pythonosc.osc_bundle import OscBundle

from models.avatar import bones, perfect_sync, vrm_expressions
from models.faces import emotion_pose, viseme_pose
from models.rig import BLENDSHAPES, posed
from streamer.stages.moments import Answer
from streamer.transports.vmc import LONGEST, Vmc, bundles, messages
from tests.fakes import make_session


def heard(datagrams):
    """`(address, arguments)` of every message, as python-osc reads them."""
    return [(message.address, message.params) for each in datagrams for message in OscBundle(each)]


@pytest.mark.parametrize(("viseme", "mouth"), [("aa", "A"), ("ih", "I"), ("ou", "U"), ("E", "E"), ("oh", "O")])
def test_each_vowel_is_that_mouth_of_vrm(viseme, mouth):
    values = vrm_expressions(viseme_pose(viseme))
    assert max("AIUEO", key=values.__getitem__) == mouth and values[mouth] > 0.9
    assert sum(values[each] for each in "AIUEO") <= 1.0001


def test_lips_that_meet_are_no_vowel_and_feelings_and_blinks_have_their_names():
    assert max(vrm_expressions(viseme_pose("PP"))[each] for each in "AIUEO") < 0.01
    for emotion, name in (("happy", "Joy"), ("angry", "Angry"), ("sad", "Sorrow"), ("surprised", "Surprised")):
        values = vrm_expressions(emotion_pose(emotion))
        assert max(("Joy", "Angry", "Sorrow", "Surprised"), key=values.__getitem__) == name and values[name] > 0.9
    wink = vrm_expressions(posed({"eyeBlinkLeft": 1.0, "eyeBlinkRight": 0.25}))
    assert (wink["Blink"], wink["Blink_L"], wink["Blink_R"]) == (0.25, 0.75, 0.0)
    assert len(perfect_sync(posed({}))) == len(BLENDSHAPES) and "JawOpen" in perfect_sync(posed({}))


def test_the_head_turns_as_unity_has_it():
    for channel, axis, sign in (("headPitch", 0, -1), ("headYaw", 1, -1), ("headRoll", 2, 1)):
        turned = bones(posed({channel: 20.0}))
        for bone, share in (("Neck", 0.4), ("Head", 0.6)):
            wanted = [0.0, 0.0, 0.0, math.cos(math.radians(20 * share) / 2)]
            wanted[axis] = sign * math.sin(math.radians(20 * share) / 2)
            np.testing.assert_allclose(turned[bone], wanted, atol=1e-6)
    both = bones(posed({"headPitch": 20.0, "headYaw": 30.0, "headRoll": 5.0}))
    assert sum(part**2 for part in both["Head"]) == pytest.approx(1.0)


def test_an_independent_receiver_reads_every_message():
    pose = posed({"jawOpen": 0.5, "headYaw": 10.0})
    datagrams = bundles(messages(pose, 1.5, shapes="perfect-sync"))
    assert max(map(len, datagrams)) <= LONGEST
    said = heard(datagrams)
    assert said[0] == ("/VMC/Ext/OK", [1]) and said[1] == ("/VMC/Ext/T", [1.5])
    assert said[-1] == ("/VMC/Ext/Blend/Apply", [])
    values = dict(params for address, params in said if address == "/VMC/Ext/Blend/Val")
    assert values["JawOpen"] == 0.5 and len(values) == 52
    places = {params[0]: params[1:] for address, params in said if address == "/VMC/Ext/Bone/Pos"}
    assert set(places) == {"Neck", "Head", "LeftEye", "RightEye"} and len(places["Head"]) == 7


async def test_the_first_session_with_an_anchor_moves_the_avatar():
    got: asyncio.Queue[bytes] = asyncio.Queue()

    class Receiver(asyncio.DatagramProtocol):
        def datagram_received(self, raw, _address):
            got.put_nowait(raw)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Receiver, local_addr=("127.0.0.1", 0))
    still, session = make_session(), make_session("moved")
    session.configure({"anchor": {"on": True}})
    port = transport.get_extra_info("sockname")[1]
    sending = asyncio.create_task(Vmc("127.0.0.1", port, shapes="vrm", sessions=[still, session]).run())
    try:
        async with asyncio.timeout(10):
            while not len(session.anchor.rig):
                await asyncio.sleep(0.01)
            session.anchor.rig.publish(Answer(2.0, viseme_pose("aa")))
            said = heard([await got.get()])
        assert ("/VMC/Ext/T", [2.0]) in said
        assert dict(params for address, params in said if address == "/VMC/Ext/Blend/Val")["A"] > 0.9
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        transport.close()
