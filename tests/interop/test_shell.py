"""The command's own promises: drains on SIGTERM, https, a UDP range, a token, a public address, a port in use."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import time

import httpx
import pytest
import websockets

from tests.interop.caller import calling
from tests.interop.test_whip_rules import SDP, heard, some_offer
from tests.served import COMMAND, ROOT, serving

FIRST, LAST = 42_000, 42_020


async def test_options_of_the_network_are_kept_and_sigterm_says_goodbye() -> None:
    options = ("--host", "0.0.0.0", "--udp-ports", f"{FIRST}-{LAST}", "--public-ip", "198.51.100.7")
    with serving(*options) as served:
        token = re.search(r"token=(\S+)", served.url)[1]
        base = str(served.http.base_url)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=base, headers=headers, timeout=60) as http:
            assert (await http.get("/config", headers={"Authorization": ""})).status_code == 401
            answer = await http.post("/whip/candidates", content=await some_offer("audio"), headers=SDP)
            ports = {int(port) for port in re.findall(r"a=candidate:.* udp \d+ \S+ (\d+) typ host", answer.text)}
            assert ports and all(FIRST <= port <= LAST for port in ports)
            assert "198.51.100.7" in answer.text
            async with calling(http, "/sessions/bye/offer", hz=440, listen=True) as call:
                await http.patch("/sessions/bye/settings", json={"enhance": {"on": False}})
                await heard(call, 440)
                address = f"{base.replace('http', 'ws')}/sessions/bye/events?token={token}"
                async with websockets.connect(address) as events:
                    started = time.monotonic()
                    served.process.send_signal(signal.SIGTERM)
                    kinds = [json.loads(message)["type"] async for message in events]
                assert "bye" in kinds
                assert served.process.wait(30) == 0
                print(f"drained in {time.monotonic() - started:.1f} s")


@pytest.mark.live
async def test_https_with_a_certificate_of_its_own() -> None:
    with serving("--tls", "self-signed", ready=False) as served:
        assert served.url.startswith("https://")
        assert served.http.get("/").status_code == 200


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run([*COMMAND, "--port", str(port)], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1
    assert str(port) in ended.stderr and "--port" in ended.stderr and "Traceback" not in ended.stderr


@pytest.mark.parametrize("option", [("--udp-ports", "9"), ("--tls", "nowhere"), ("--ice-server", "x")])
def test_options_that_make_no_sense(option: tuple[str, str]) -> None:
    ended = subprocess.run([*COMMAND, "--port", "0", *option], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 2 and option[0] in ended.stderr and "Traceback" not in ended.stderr
