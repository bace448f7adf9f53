"""The doctor: every look finds something, a bad machine is told what to do, and the exit status says so."""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from streamer.commands import doctor, looks
from streamer.commands.doctor import Check, DoctorOptions, Status


@pytest.fixture
def options(tmp_path: Path) -> DoctorOptions:
    weights = tmp_path / "weights"
    weights.mkdir()
    save_file({"a": np.zeros(3, np.float32)}, weights / "toy.safetensors")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return DoctorOptions(cache=tmp_path / "cache", weights=weights, port=port)


def look(options: DoctorOptions) -> dict[str, Check]:
    return {check.name: check for check in doctor.examine(options)}


def test_this_machine_can_run_it(options: DoctorOptions) -> None:
    checks = look(options)
    assert set(checks) == {
        *("python", "packages", "torch", "processor", "memory", "gpu", "codecs", "compiler", "cache"),
        *("tcp", "udp", "weights", "drawing"),
    }
    assert [check for check in checks.values() if check.status is Status.FAIL] == []
    assert all(check.advice for check in checks.values() if check.status is not Status.OK)
    assert not options.cache.exists()  # looking changes nothing


def test_a_taken_port_is_told(options: DoctorOptions) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", options.port))
        taken.listen()
        check = look(options)["tcp"]
    assert check.status is Status.FAIL
    assert "--port" in check.advice


def test_missing_and_broken_weights_are_told(options: DoctorOptions) -> None:
    (options.weights / "toy.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{nonsense}")
    assert "toy" in look(options)["weights"].found
    (options.weights / "toy.safetensors").unlink()
    assert look(options)["weights"].status is Status.FAIL


def test_no_compiler_is_a_warning_with_advice(options: DoctorOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    check = look(options)["compiler"]
    assert (check.status, "apt install g++" in check.advice) == (Status.WARN, True)


def test_a_cache_that_cannot_be_written_fails(options: DoctorOptions, tmp_path: Path) -> None:
    cache = Path("/proc/limelight")  # nobody, not even root, makes files there
    found = look(DoctorOptions(cache=cache, weights=options.weights, port=options.port))["cache"]
    assert found.status is Status.FAIL
    assert "LIMELIGHT_CACHE" in found.advice


@pytest.mark.parametrize(
    ("requirement", "problem"),
    [
        ("numpy>=2", ""),
        ("numpy<2", "not <2"),
        ("no-such-thing-at-all", "missing"),
        ('nothing>=1; extra == "test"', ""),
    ],
)
def test_pins_are_compared(requirement: str, problem: str) -> None:
    found = looks._unmet(requirement)
    assert problem in found
    assert bool(problem) == bool(found)


def test_what_the_anchor_lacks_is_told(options: DoctorOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skia", None)
    check = look(options)["drawing"]
    assert check.status is Status.WARN and "libegl1" in check.advice


def test_a_look_that_raises_is_a_finding(options: DoctorOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("surprise")

    monkeypatch.setattr(looks, "compiler", broken)
    checks = look(options)
    assert checks["broken"].status is Status.FAIL
    assert "surprise" in checks["broken"].found
    assert "weights" in checks


def test_the_exit_status_and_the_forms(
    options: DoctorOptions, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    doctor.add_arguments(parser, cache=tmp_path / "cache")
    given = parser.parse_args(["--port", str(options.port), "--json"])
    assert doctor.run(doctor.options_from(given, weights=options.weights)) == 0
    assert {"name", "status", "found", "advice"} == set(json.loads(capsys.readouterr().out)[0])
    assert doctor.run(doctor.options_from(given, weights=tmp_path / "nowhere")) == 1
    assert doctor.run(options) == 0
    assert "weights" in capsys.readouterr().out
