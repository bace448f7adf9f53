"""Pictures put together in virtual time: at the marker, in order, asked for again, given up, from the next key on."""

from __future__ import annotations

import random

from streamer.transports.assembler import EncodedPicture, PictureAssembler, PicturePacket

PARTS = 4


def parts(count: int, *, key: bool = False, at: float | None = None, marker: bool = True) -> list[PicturePacket]:
    """Picture `count` in four packets; its payload says which it is."""
    arrival = count / 30 if at is None else at
    return [
        PicturePacket(
            seq=(65_500 + count * PARTS + i) & 0xFFFF,
            timestamp=count * 3000,
            marker=marker and i == PARTS - 1,
            payload=bytes([count % 256, i]),
            arrival=arrival,
            starts_key=key and i == 0,
        )
        for i in range(PARTS)
    ]


def feed(assembler: PictureAssembler, packets: list[PicturePacket]) -> list[EncodedPicture]:
    out = []
    for packet in packets:
        assembler.push(packet)
        out += assembler.pop_ready(packet.arrival)
    return out


def counts(pictures: list[EncodedPicture]) -> list[int]:
    assert all(len(picture.payload) == 2 * PARTS for picture in pictures)
    return [picture.timestamp // 3000 for picture in pictures]


def test_a_picture_is_whole_with_its_marker() -> None:
    assembler = PictureAssembler()
    assert counts(feed(assembler, parts(0, key=True))) == [0]
    first, *rest = parts(1)
    assert feed(assembler, [first, *rest[:-1]]) == []
    assert counts(feed(assembler, rest[-1:])) == [1]
    assert not assembler.wants_key(1.0)


def test_without_markers_the_next_picture_ends_it() -> None:
    assembler = PictureAssembler()
    sent = [packet for count in range(3) for packet in parts(count, key=count == 0, marker=False)]
    assert counts(feed(assembler, sent)) == [0, 1]


def test_nothing_before_a_key_picture() -> None:
    assembler = PictureAssembler()
    assert feed(assembler, parts(0)) == []
    assert assembler.wants_key(0.1)
    assert not assembler.wants_key(0.2)
    assert assembler.wants_key(0.7)
    assert counts(feed(assembler, parts(1) + parts(2, key=True) + parts(3))) == [2, 3]


def test_packets_in_any_order_within_a_picture() -> None:
    dice, assembler, out = random.Random(3), PictureAssembler(), []
    for count in range(40):
        packets = parts(count, key=count == 0)
        if count:
            dice.shuffle(packets)
        out += feed(assembler, [*packets, packets[0]])
    assert counts(out) == list(range(40))
    assert assembler.late > 0


def test_a_missing_packet_is_asked_for_again_and_again() -> None:
    assembler = PictureAssembler()
    feed(assembler, parts(0, key=True))
    gone, *rest = parts(1)
    assert feed(assembler, rest) == []
    assert assembler.nacks(0.04) == [gone.seq]
    assert assembler.nacks(0.05) == []
    assert assembler.nacks(0.10) == [gone.seq]
    assert feed(assembler, parts(2)) == []
    assert counts(feed(assembler, [gone])) == [1, 2]
    assert assembler.nacks(1.0) == []
    assert assembler.next_due() is None


def test_a_picture_given_up_takes_the_rest_with_it_up_to_a_key() -> None:
    assembler = PictureAssembler()
    feed(assembler, parts(0, key=True))
    feed(assembler, parts(1)[1:] + parts(2))
    assert assembler.pop_ready(0.4) == []
    assert assembler.given_up == 1
    assert assembler.wants_key(0.4)
    assert feed(assembler, parts(12)) == []
    assert counts(feed(assembler, parts(13, key=True) + parts(14))) == [13, 14]


def test_a_whole_key_picture_ends_the_wait_for_a_missing_packet() -> None:
    assembler = PictureAssembler()
    feed(assembler, parts(0, key=True))
    assert counts(feed(assembler, parts(1)[1:] + parts(2, key=True) + parts(3))) == [2, 3]


def test_a_key_picture_with_a_lost_packet_is_asked_for_too() -> None:
    assembler = PictureAssembler()
    packets = parts(0, key=True)
    assert feed(assembler, [packets[0], *packets[2:]]) == []
    assert assembler.nacks(0.1) == [packets[1].seq]
    assert counts(feed(assembler, [packets[1]])) == [0]


def test_padding_is_not_a_loss() -> None:
    assembler = PictureAssembler()
    padding = PicturePacket((65_500 + PARTS) & 0xFFFF, 0, False, b"", 0.01)
    following = [
        PicturePacket((packet.seq + 1) & 0xFFFF, packet.timestamp, packet.marker, packet.payload, packet.arrival)
        for packet in parts(1)
    ]
    assert counts(feed(assembler, [*parts(0, key=True), padding, *following])) == [0, 1]
    assert assembler.nacks(1.0) == []


def test_a_new_source_waits_for_its_own_key_and_a_flood_stays_bounded() -> None:
    assembler = PictureAssembler(capacity=100)
    feed(assembler, parts(0, key=True))
    other = [PicturePacket(p.seq - 9000, p.timestamp, p.marker, p.payload, 1.0, p.starts_key, 5) for p in parts(1)]
    assert feed(assembler, other) == []
    assert assembler.wants_key(1.0)
    feed(assembler, parts(2, key=True)[:1])
    for count in range(3, 400):
        feed(assembler, parts(count)[1:])
        assert len(assembler) <= 100
        assert len(assembler.nacks(9e9)) <= 400
