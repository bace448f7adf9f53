"""A real server in its own process, on a port of its own: what it answers, what it holds, and how it ends."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

__all__ = ["RECOGNISER", "Held", "Served", "eventually", "serving"]

ROOT = Path(__file__).parent.parent
RECOGNISER = ROOT / "models" / "weights" / "stt.safetensors"
COMMAND = (sys.executable, "-c", "import server, sys; sys.exit(server.main(sys.argv[1:]))")
START_S = 180.0  # torch alone takes most of a minute on a busy machine
STOP_S = 30.0


def eventually(is_so: Callable[[], object], *, within_s: float, what: str) -> None:
    """Polls until it is so; fails with `what` when it never is."""
    end = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < end, f"not within {within_s:.0f} s: {what}"
        time.sleep(0.1)


@dataclass(frozen=True, slots=True)
class Held:
    """What a process holds of the machine."""

    files: int
    threads: int
    rss_mib: float


class Served:
    """A running server. `url` as it printed it, token and all."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, client: httpx.Client, url: str) -> None:
        self.process, self._log, self.http, self.url = process, log, client, url
        self.base = url.split("?")[0].rstrip("/")

    @property
    def log(self) -> str:
        return self._log.read_text()

    def ready(self) -> bool:
        """Whether its models are loaded; fails with its log when it has died."""
        assert self.process.poll() is None, f"the server ended by itself:\n{self.log}"
        with contextlib.suppress(httpx.TransportError):
            answer = self.http.get("/readyz")
            assert answer.status_code == 200 or "loading" in answer.text, answer.text
            return answer.status_code == 200
        return False

    def held(self) -> Held:
        """What the process holds now (Linux)."""
        proc = Path(f"/proc/{self.process.pid}")
        status = (proc / "status").read_text()
        rss_kib = int(re.search(r"VmRSS:\s+(\d+)", status)[1])
        return Held(len(list((proc / "fd").iterdir())), len(list((proc / "task").iterdir())), rss_kib / 1024)

    def figure(self, name: str) -> float:
        """One value of /metrics."""
        match = re.search(rf"^{re.escape(name)} (\S+)$", self.http.get("/metrics").text, re.MULTILINE)
        assert match, f"/metrics has no {name}"
        return float(match[1])

    def sessions(self) -> dict[str, dict[str, object]]:
        return {each["name"]: each for each in self.http.get("/sessions").json()["sessions"]}

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ends it and waits; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(STOP_S)


@contextlib.contextmanager
def serving(*options: str, port: int = 0, ready: bool = True, command: Sequence[str] = COMMAND) -> Iterator[Served]:
    """`limelight --no-compile` with these options, until the block ends. `ready`: wait for the models."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "LIMELIGHT_CACHE": folder, "PYTHONUNBUFFERED": "1"}
        with log.open("wb") as sink:
            process = subprocess.Popen(
                [*command, "--no-compile", "--port", str(port), *options],
                cwd=ROOT,
                env=environment,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )
        try:
            url = _url(process, log)
            # A wildcard address is printed as this machine's name; loopback reaches it as well.
            base = re.sub(r"//[^/]*:(\d+)/.*", r"//127.0.0.1:\1", url)
            token = re.search(r"token=(\S+)", url)
            headers = {"Authorization": f"Bearer {token[1]}"} if token else {}
            with httpx.Client(base_url=base, headers=headers, verify=False, timeout=60) as client:
                served = Served(process, log, client, url)
                if ready:
                    eventually(served.ready, within_s=START_S, what="models are loaded")
                yield served
                served.stop()
        finally:
            process.kill()
            process.wait()


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + START_S
    while not (match := re.search(r"is at (\S+)", log.read_text())):
        assert process.poll() is None and time.monotonic() < end, f"the server did not start:\n{log.read_text()}"
        time.sleep(0.05)
    return match[1]
