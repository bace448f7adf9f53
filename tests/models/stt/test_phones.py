"""The phone set is CMUdict's, in order."""

from models.stt.phones import BLANK, INDEX, PHONES, without_stress


def test_blank_and_39_phones_in_alphabetical_order() -> None:
    assert len(PHONES) == 40
    assert PHONES[BLANK] == ""
    assert list(PHONES) == sorted(PHONES)
    assert all(PHONES[INDEX[phone]] == phone for phone in PHONES)


def test_stress_is_dropped() -> None:
    assert without_stress(["HH", "AH0", "L", "OW1"]) == ["HH", "AH", "L", "OW"]
