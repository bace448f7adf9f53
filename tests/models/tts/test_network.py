"""The network's geometry, and that what is padded does not matter."""

import numpy as np
import torch

from models.tts.network import Acoustic, AcousticConfig, Prosody, contour, places
from models.tts.tokens import FARTHEST, NAMES, clause_tokens


def test_rows_say_where_words_and_clauses_end() -> None:
    rows = clause_tokens([("DH", "AH0"), ("",), ("K", "AE1", "T")], "?")
    assert [NAMES[row[0]] for row in rows] == ["DH", "AH0", "", "K", "AE1", "T", ""]
    assert rows[:, 2].tolist() == [1, 2, 3, 1, 0, 2, 0]
    assert rows[:, 3].tolist() == [0, 1, 2, 3, 4, 5, FARTHEST]
    assert rows[:, 4].tolist() == [5, 4, 3, 2, 1, 0, 0]
    assert len(set(rows[:, 1])) == 1


def test_the_network_fits_its_budget() -> None:
    assert sum(p.numel() for p in Acoustic().parameters()) < 1_900_000


def test_frames_know_their_phone() -> None:
    phone, inside = places(torch.tensor([[2, 0, 3]]), 6)
    assert phone.tolist() == [[0, 0, 2, 2, 2, 2]]
    np.testing.assert_allclose(inside[0, :5, 0], [0.25, 0.75, 1 / 6, 0.5, 5 / 6], rtol=1e-5)


def test_the_contour_passes_through_its_points() -> None:
    points = torch.tensor([[[0.0, 1.0], [3.0, 2.0]]])
    phone = torch.tensor([[0, 0, 0, 1, 1, 1]])
    share = torch.tensor([[0.25, 0.75, 1.0, 0.0, 0.25, 0.75]])
    np.testing.assert_allclose(contour(points, phone, share)[0], [0, 1, 2, 2, 3, 2])


def test_padding_changes_nothing() -> None:
    torch.manual_seed(2)
    net = Acoustic(AcousticConfig(width=16, phone_blocks=2, phone_hidden=16, frame_blocks=2, frame_hidden=16)).eval()
    tokens = torch.from_numpy(clause_tokens([("S", "IY1"), ("DH", "IH1", "S")], "."))[None]
    frames = torch.tensor([[9, 7, 4, 8, 10, 3]])

    def made(spare: int) -> torch.Tensor:
        rows = torch.nn.functional.pad(tokens, (0, 0, 0, spare))
        known = (torch.arange(6 + spare) < 6).float()[None, :, None]
        encoded = net.encode(rows, known)
        prosody = Prosody(*(field for field in net.prosody(encoded, known)))
        there = (torch.arange(41 + spare) < 41).float()[None, :, None]
        return net.decode(encoded, prosody, torch.nn.functional.pad(frames, (0, spare)), there)[0, :41]

    # Of the pause at the end, the second half has its pitch lean on what follows.
    torch.testing.assert_close(made(5)[:39], made(0)[:39], rtol=1e-4, atol=1e-4)
