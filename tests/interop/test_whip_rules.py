"""WHIP as RFC 9725 has it and WHEP as its draft has it: every answer but the media, over real HTTP."""

from __future__ import annotations

import httpx
import pytest
from aiortc import RTCPeerConnection

from tests.interop.caller import calling, offer_of
from tests.served import Served

SDP = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}


async def some_offer(*kinds: str, direction: str = "sendonly") -> str:
    pc = RTCPeerConnection()
    for kind in kinds:
        pc.addTransceiver(kind, direction=direction)
    try:
        return await offer_of(pc)
    finally:
        await pc.close()


async def test_a_publication_is_made_and_ended(http: httpx.AsyncClient, server: Served) -> None:
    made = await http.post("/whip/made", content=await some_offer("audio", "video"), headers=SDP)
    assert made.status_code == 201 and made.headers["Content-Type"].startswith("application/sdp")
    assert made.headers["ETag"] and made.headers["Accept-Patch"] == FRAGMENT["Content-Type"]
    assert made.headers["Location"].startswith("/whip/made/")
    assert made.text.startswith("v=0") and made.text.count("a=recvonly") == 2
    assert server.sessions()["made"]["publishers"] == 1
    assert (await http.delete(made.headers["Location"])).status_code == 200
    assert server.sessions()["made"]["publishers"] == 0
    assert (await http.delete(made.headers["Location"])).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/whip/wrong", "v=0\r\n", {"Content-Type": "application/json"}, 415),
        ("/whip/wrong", "v=0\r\n", {}, 415),
        ("/whip/wrong", "hello", SDP, 400),
        ("/whip/wrong", "", SDP, 400),
        ("/whip/wrong", "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", SDP, 400),
        ("/whip/wrong", "v=0\r\n" + "a=x:" + "y" * 300_000, SDP, 413),
        ("/whip/wrong", b"\xff\xfe", SDP, 400),
        ("/whip/no%20name", "v=0\r\n", SDP, 400),
        ("/whep/nobody", "v=0\r\n", SDP, 404),
    ],
)
async def test_wrong_offers_are_refused_and_leave_nothing(
    http: httpx.AsyncClient, server: Served, path: str, body: str | bytes, headers: dict[str, str], status: int
) -> None:
    answer = await http.post(path, content=body, headers=headers)
    assert answer.status_code == status and answer.json()["error"]
    assert "wrong" not in server.sessions()


async def test_a_second_publisher_must_wait(http: httpx.AsyncClient) -> None:
    first = await http.post("/whip/busy", content=await some_offer("audio"), headers=SDP)
    second = await http.post("/whip/busy", content=await some_offer("audio"), headers=SDP)
    assert second.status_code == 409 and "busy" in second.json()["error"]
    await http.delete(first.headers["Location"])
    third = await http.post("/whip/busy", content=await some_offer("audio"), headers=SDP)
    assert third.status_code == 201
    await http.delete(third.headers["Location"])


async def test_directions_are_checked(http: httpx.AsyncClient) -> None:
    offer = await some_offer("audio", direction="recvonly")
    refused = await http.post("/whip/direction", content=offer, headers=SDP)
    assert refused.status_code == 400 and "sendonly" in refused.json()["error"]


async def test_candidates_trickle(http: httpx.AsyncClient) -> None:
    offer = await some_offer("audio")
    made = await http.post("/whip/trickle", content=offer, headers=SDP)
    at, tag = made.headers["Location"], made.headers["ETag"]
    ufrag = next(line for line in offer.splitlines() if line.startswith("a=ice-ufrag"))
    candidate = "a=candidate:1 1 udp 2130706431 127.0.0.1 50000 typ host"
    fragment = f"{ufrag}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n{candidate}\r\na=end-of-candidates\r\n"
    assert (await http.patch(at, content=fragment, headers=FRAGMENT)).status_code == 204
    assert (await http.patch(at, content=fragment, headers=FRAGMENT | {"If-Match": tag})).status_code == 204
    stale = await http.patch(at, content=fragment, headers=FRAGMENT | {"If-Match": '"another"'})
    assert stale.status_code == 412
    assert (await http.patch(at, content=fragment, headers=SDP)).status_code == 415
    broken = await http.patch(at, content="a=candidate:what\r\n", headers=FRAGMENT)
    assert broken.status_code == 400
    restart = await http.patch(at, content="a=ice-ufrag:other\r\na=ice-pwd:x\r\n", headers=FRAGMENT)
    assert restart.status_code == 422
    await http.delete(at)
    assert (await http.patch(at, content=fragment, headers=FRAGMENT)).status_code == 404


async def test_options_say_what_is_taken(http: httpx.AsyncClient) -> None:
    for path in ("/whip/any", "/whep/any"):
        answer = await http.options(path)
        assert answer.status_code in (200, 204) and answer.headers["Accept-Post"] == "application/sdp"
        assert (await http.get(path)).status_code == 405


async def test_a_viewer_hears_the_publisher(http: httpx.AsyncClient) -> None:
    async with calling(http, "/whip/pair", hz=500):
        await http.patch("/sessions/pair/settings", json={"enhance": {"on": False}})
        async with calling(http, "/whep/pair", hz=None) as viewer:
            await heard(viewer, 500)
            assert (await http.delete(viewer.location)).status_code == 200


async def heard(call, hz: float, *, within_s: float = 40.0) -> None:
    import asyncio

    async with asyncio.timeout(within_s):
        while (found := call.heard_hz()) is None or abs(found - hz) > 5:
            await asyncio.sleep(0.2)
