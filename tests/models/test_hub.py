"""Public files: fetched once, checked always, clear words when they cannot be had."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from models.hub import Asset, Damaged, Unavailable, fetch

BODY = bytes(range(256)) * 5000


class Publisher(BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path == "/gone":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY[: 1000 if self.path == "/cut" else None])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Publisher) as server:
        Publisher.asked.clear()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def asset(place: str, path: str = "/weights") -> Asset:
    return Asset("weights.pt", place + path, "of the tests")


def test_a_file_is_fetched_once_and_its_sum_kept(publisher: str, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    path = fetch(asset(publisher), tmp_path / "new", progress=lambda here, whole: told.append((here, whole)))
    assert path.read_bytes() == BODY
    assert told[-1] == (len(BODY), len(BODY))
    assert fetch(asset(publisher), tmp_path / "new") == path
    assert Publisher.asked == ["/weights"]
    assert path.with_name("weights.pt.sha256").read_text().startswith(hashlib.sha256(BODY).hexdigest())
    assert {file.name for file in path.parent.iterdir()} == {"weights.pt", "weights.pt.sha256"}


def test_a_file_that_changed_is_noticed(publisher: str, tmp_path: Path) -> None:
    path = fetch(asset(publisher), tmp_path)
    path.write_bytes(BODY[:-1] + b"!")
    with pytest.raises(Damaged, match="delete it and start again"):
        fetch(asset(publisher), tmp_path)


def test_a_published_sum_is_held_to(publisher: str, tmp_path: Path) -> None:
    right = replace(asset(publisher), sha256=hashlib.sha256(BODY).hexdigest())
    assert fetch(right, tmp_path).exists()
    with pytest.raises(Damaged):
        fetch(replace(right, sha256="0" * 64), tmp_path)


@pytest.mark.parametrize("path", ["/gone", "/cut"])
def test_nothing_half_is_kept(publisher: str, tmp_path: Path, path: str) -> None:
    with pytest.raises(Unavailable, match=r"weights\.pt is not here and cannot be downloaded") as raised:
        fetch(asset(publisher, path), tmp_path)
    assert str(tmp_path / "weights.pt") in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_file_put_there_by_hand_is_taken(tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_bytes(BODY)
    assert fetch(asset("http://127.0.0.1:9"), tmp_path).read_bytes() == BODY
