"""Where ICE listens: a port range, loopback as well, a public address. The only file that knows aioice.

aioice binds any free port on every address but 127.0.0.1; a firewall wants a range, a machine without a network wants
loopback, and behind a NAT that forwards ports the public address must be among the candidates.
"""

from __future__ import annotations

import asyncio
import errno
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from aioice.candidate import Candidate, candidate_foundation, candidate_priority
from aioice.ice import Connection, StunProtocol, server_reflexive_candidate
from aiortc import RTCPeerConnection, RTCRtpReceiver, RTCSctpTransport

__all__ = ["Network", "ice_connections", "listen_on"]

STUN_WAIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Network:
    """ICE servers as in WebRTC's `iceServers`; inclusive UDP port range; an address to offer besides our own."""

    ice_servers: Sequence[dict[str, Any]] = ()
    udp_ports: tuple[int, int] | None = None
    public_ip: str | None = None


def ice_connections(pc: RTCPeerConnection) -> set[Connection]:
    """The ICE connections under a peer connection's media and data."""
    users: list[RTCRtpReceiver | RTCSctpTransport] = [
        *(transceiver.receiver for transceiver in pc.getTransceivers()),
        *([pc.sctp] if pc.sctp else []),
    ]
    return {user.transport.transport.iceGatherer._connection for user in users}


def listen_on(connection: Connection, network: Network) -> None:
    """Replace how `connection` gathers its host candidates. Call before gathering starts."""
    gather_others = connection.get_component_candidates

    async def gather(component: int, addresses: list[str], timeout: int = 5) -> list[Candidate]:
        protocols = [
            protocol
            for address in dict.fromkeys([*addresses, "127.0.0.1"])
            if (protocol := await _bind(connection, address, component, network.udp_ports)) is not None
        ]
        connection._protocols += protocols
        hosts = [protocol.local_candidate for protocol in protocols]
        reflexive = await _reflexive(connection, protocols)
        relayed = await gather_others(component, [], timeout)
        return [*hosts, *_public(hosts, network.public_ip), *reflexive, *relayed]

    connection.get_component_candidates = gather  # type: ignore[method-assign]


async def _bind(
    connection: Connection, address: str, component: int, ports: tuple[int, int] | None
) -> StunProtocol | None:
    loop = asyncio.get_running_loop()
    for port in _ports(ports):
        try:
            _, protocol = await loop.create_datagram_endpoint(
                lambda: StunProtocol(connection), local_addr=(address, port)
            )
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                continue
            return None
        protocol.local_candidate = _host_candidate(protocol, component)
        return protocol
    return None


def _ports(ports: tuple[int, int] | None) -> Iterable[int]:
    if ports is None:
        return (0,)
    first, last = ports
    start = random.randint(first, last)  # a fresh place to start, so that peers do not all try the taken ones first
    return (*range(start, last + 1), *range(first, start))


def _host_candidate(protocol: StunProtocol, component: int) -> Candidate:
    host, port = protocol.transport.get_extra_info("sockname")[:2]
    # Loopback last: another machine's check to it can only fail.
    preference = 0 if host == "127.0.0.1" else 65535
    return Candidate(
        foundation=candidate_foundation("host", "udp", host),
        component=component,
        transport="udp",
        priority=candidate_priority(component, "host", preference),
        host=host,
        port=port,
        type="host",
    )


async def _reflexive(connection: Connection, protocols: Sequence[StunProtocol]) -> list[Candidate]:
    if connection.stun_server is None:
        return []
    server, connection.stun_server = connection.stun_server, None  # aioice itself must not ask again
    tries = [
        asyncio.create_task(server_reflexive_candidate(protocol, server))
        for protocol in protocols
        if "." in protocol.local_candidate.host and protocol.local_candidate.host != "127.0.0.1"
    ]
    if not tries:
        return []
    done, late = await asyncio.wait(tries, timeout=STUN_WAIT_S)
    for task in late:
        task.cancel()
    return [task.result()[0] for task in done if not task.cancelled() and task.exception() is None]


def _public(hosts: Sequence[Candidate], public_ip: str | None) -> list[Candidate]:
    """The same ports at the public address; STUN answers come back to the socket that the NAT forwards to."""
    if public_ip is None:
        return []
    return [_moved(host, public_ip) for host in hosts if "." in host.host and host.host != "127.0.0.1"]


def _moved(candidate: Candidate, host: str) -> Candidate:
    return Candidate(
        foundation=candidate_foundation("host", "udp", host),
        component=candidate.component,
        transport="udp",
        priority=candidate.priority - 1,
        host=host,
        port=candidate.port,
        type="host",
    )
