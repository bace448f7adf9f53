"""What broken or hostile clients send over WebRTC: a clear error each time, and nothing lost for the others."""

from __future__ import annotations

import asyncio
import json
import re

import httpx
import pytest
from aiortc import RTCPeerConnection
from aiortc.rtp import is_rtcp

from tests.interop.caller import Call, calling, offer_of
from tests.interop.test_whip_rules import heard, some_offer
from tests.served import Served


async def offered(http: httpx.AsyncClient, name: str, body: object) -> httpx.Response:
    return await http.post(f"/sessions/{name}/offer", json=body)


@pytest.mark.parametrize(
    "body", [[], {}, {"sdp": 1, "type": "offer"}, {"sdp": "x", "type": "answer"}, {"sdp": "x", "type": "offer"}]
)
async def test_what_is_no_offer(http: httpx.AsyncClient, server: Served, body: object) -> None:
    answer = await offered(http, "nothing", body)
    assert answer.status_code == 400 and answer.json()["error"]
    assert "nothing" not in server.sessions()


async def test_an_offer_that_is_too_long(http: httpx.AsyncClient) -> None:
    assert (await offered(http, "long", {"sdp": "x" * 300_000, "type": "offer"})).status_code == 413


async def test_an_offer_of_data_alone(http: httpx.AsyncClient, server: Served) -> None:
    pc = RTCPeerConnection()
    pc.createDataChannel("events")
    answer = await offered(http, "bare", {"sdp": await offer_of(pc), "type": "offer"})
    await pc.close()
    assert answer.status_code == 400 and "neither sound nor picture" in answer.json()["error"]
    assert "bare" not in server.sessions()


def only(sdp: str, codec: str) -> str:
    """The offer with every payload type taken away but those of `codec`."""
    kept = re.findall(rf"a=rtpmap:(\d+) {codec}/", sdp)
    sdp = re.sub(r"(m=\w+ \d+ \S+).*", lambda m: f"{m[1]} {' '.join(kept)}", sdp)
    return "\r\n".join(
        line
        for line in sdp.split("\r\n")
        if not (match := re.match(r"a=(?:rtpmap|fmtp|rtcp-fb):(\d+)", line)) or match[1] in kept
    )


@pytest.mark.parametrize(("kind", "codec"), [("audio", "PCMU"), ("audio", "G722"), ("video", "AV1")])
async def test_codecs_that_are_not_ours(http: httpx.AsyncClient, server: Served, kind: str, codec: str) -> None:
    offer = await some_offer(kind)
    if codec == "AV1":
        offer = offer.replace("VP8/90000", "AV1/90000")
    answer = await offered(http, "codec", {"sdp": only(offer, codec), "type": "offer"})
    assert answer.status_code == 400 and "Opus" in answer.json()["error"]
    assert "codec" not in server.sessions()


GARBAGE = [
    "",
    "{",
    "null",
    "[1]",
    '{"type": 5}',
    '{"type": "ping", "t": NaN}',
    '{"type": "set", "settings": 3}',
    "x" * 70_000,
    b"\x00\xff" * 100,
    "[" * 30_000,
]


async def test_garbage_on_the_data_channel(http: httpx.AsyncClient) -> None:
    async with calling(http, "/sessions/garbage/offer", hz=440, listen=True) as call:
        await told(call, "hello")
        channel = call.pc.sctp
        events = next(iter(channel._data_channels.values()))
        for message in GARBAGE:
            events.send(message)
        events.send(json.dumps({"type": "ping", "t": "still here"}))
        await told(call, "pong", t="still here")
        kinds = [json.loads(message)["type"] for message in call.messages]
        assert kinds.count("error") >= len(GARBAGE) - 2
        assert call.pc.connectionState == "connected"


async def told(call: Call, kind: str, *, within_s: float = 30.0, **fields: object) -> None:
    wanted = {"type": kind, **fields}.items()
    async with asyncio.timeout(within_s):
        while not any(
            wanted <= {k: v for k, v in json.loads(m).items() if k in dict(wanted)}.items() for m in call.messages
        ):
            await asyncio.sleep(0.05)


@pytest.mark.campaign  # consent lasts for half a minute (RFC 7675)
async def test_who_vanishes_is_noticed(http: httpx.AsyncClient, server: Served) -> None:
    async with calling(http, "/whip/vanish", hz=440) as call:
        await asyncio.sleep(1)
        for connection in {each.receiver.transport.transport._connection for each in call.pc.getTransceivers()}:
            for protocol in connection._protocols:
                protocol.transport.abort()
        async with asyncio.timeout(60):
            while server.sessions().get("vanish", {}).get("publishers"):
                await asyncio.sleep(0.5)
        again = await http.post(
            "/whip/vanish", content=await some_offer("audio"), headers={"Content-Type": "application/sdp"}
        )
        assert again.status_code == 201


async def test_a_page_takes_its_own_session_over(http: httpx.AsyncClient, server: Served) -> None:
    async with calling(http, "/sessions/mine/offer", hz=440, listen=True) as call:
        refused = await offered(http, "mine", {"sdp": await some_offer("audio"), "type": "offer"})
        assert refused.status_code == 409
        body = {"sdp": await some_offer("audio"), "type": "offer", "takes_over": call.location.split("/")[-1]}
        assert (await offered(http, "mine", body)).status_code == 200
        assert server.sessions()["mine"]["publishers"] == 1


def cut_in_mid_picture(call: Call) -> asyncio.Event:
    """From the second packet of its next picture on, nothing leaves this client any more."""
    transport, gone, packets = call.pc.getSenders()[1].transport, asyncio.Event(), 0
    send = transport._send_rtp

    async def some(payload: bytes) -> None:
        nonlocal packets
        video = not is_rtcp(payload) and payload[1] & 0x7F in range(96, 102)
        last_of_picture = bool(payload[1] & 0x80)
        packets = 0 if last_of_picture else packets + video
        if packets == 2:
            gone.set()
        if not gone.is_set():
            await send(payload)

    transport._send_rtp = some
    return gone


async def test_a_publisher_that_vanishes_in_mid_picture_is_followed_by_the_next(
    http: httpx.AsyncClient, server: Served
) -> None:
    async with calling(http, "/sessions/cut/offer", hz=440, listen=True, picture=True) as lost:
        await http.patch("/sessions/cut/settings", json={"enhance": {"on": False}})
        async with asyncio.timeout(30):
            while not lost.pictures:
                await asyncio.sleep(0.1)
            await cut_in_mid_picture(lost).wait()
        async with calling(
            http, "/sessions/cut/offer", hz=550, listen=True, picture=True, takes_over=lost.location.rsplit("/")[-1]
        ) as after:
            await heard(after, 550)
            async with asyncio.timeout(20):
                while len(after.pictures) < 5:
                    await asyncio.sleep(0.1)
    assert "Traceback" not in server.log
