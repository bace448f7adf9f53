"""From eager to compiled while already serving: cache, a niced build in its own process, check, swap.

`compile_engine` is what a server awaits in the background. `python -m streamer.ticks.compile PATH` is the build itself;
it gets the module over its standard input from the process that started it, and leaves one package at PATH. Wherever
something is missing or wrong the engine stays eager and says why.
"""

from __future__ import annotations

import ast
import asyncio
import fcntl
import hashlib
import importlib.util
import logging
import os
import pickle
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from models.streaming import StreamingModule, Tree, tree_leaves
from streamer.engine import Engine
from streamer.ticks.compiled import Tick, disagreement, load

__all__ = ["build", "cache_key", "compile_engine"]

logger = logging.getLogger(__name__)


class BuildFailed(Exception):
    """The compiled step could not be had; the text is the reason."""


async def compile_engine(engine: Engine, *, cache: Path, timeout_s: float = 1800.0) -> str:
    """Find or build the compiled step of a CPU engine, check it, and swap it in; returns `engine.compiled`.

    Takes from seconds (found) to minutes (built). Cancelling it ends the build. It raises nothing of its own: an
    engine without a compiled step is slower, not broken.
    """
    engine.compiled = "building"
    try:
        engine.compiled = await _compiled(engine, cache, timeout_s)
    except BuildFailed as reason:
        engine.compiled = f"off, {reason}"
    except asyncio.CancelledError:
        engine.compiled = "off, cancelled"
        raise
    logger.info("%s: compiled step: %s", engine.name, engine.compiled)
    return engine.compiled


async def _compiled(engine: Engine, cache: Path, timeout_s: float) -> str:
    if engine.device.place.type != "cpu":
        raise BuildFailed(f"ticks on {engine.device.place} are captured instead")
    key = await asyncio.to_thread(cache_key, engine.module, engine.example)
    path = cache / f"{engine.name}-{key}.pt2"
    if not path.exists():
        await _build_elsewhere(engine.module, engine.example, path, timeout_s)
    await asyncio.to_thread(_adopt, engine, path)
    return "on"


def _adopt(engine: Engine, path: Path) -> None:
    """On a thread of its own, while the engine serves."""
    torch.set_num_threads(1)
    try:
        make = load(path, engine.module, engine.example)
        reason = disagreement(make, engine.module, engine.example)
    except RuntimeError as error:
        raise BuildFailed(f"{path.name} cannot be run: {_last_line(str(error))}") from error
    if reason is not None:
        raise BuildFailed(reason)
    engine.swap(make)


async def _build_elsewhere(module: StreamingModule, example: Tree, path: Path, timeout_s: float) -> None:
    if compiler() is None:
        raise BuildFailed("there is no C++ compiler")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        job = await asyncio.to_thread(pickle.dumps, (module, example))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise BuildFailed(f"the module cannot be sent to another process: {error}") from error
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "streamer.ticks.compile", str(path)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        start_new_session=True,  # so that the compiler it starts ends with it
    )
    try:
        async with asyncio.timeout(timeout_s):
            _, said = await process.communicate(job)
    except TimeoutError:
        raise BuildFailed(f"the build took more than {timeout_s:g} s") from None
    finally:
        await _end(process)
    if process.returncode:
        raise BuildFailed(f"the build failed: {_last_line(said.decode(errors='replace'))}")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "no reason given").strip()


def compiler() -> str | None:
    """The C++ compiler that a build would use."""
    return next(filter(None, map(shutil.which, [os.environ.get("CXX", "g++"), "g++", "clang++"])), None)


def cache_key(module: StreamingModule, example: Tree) -> str:
    """Names a package: another torch, CPU, source, weight, setting or format gives another key."""
    digest = hashlib.sha256()
    for part in (torch.__version__, platform.machine(), _cpu_flags(), *_sources(module), *_formats(module, example)):
        digest.update(part.encode() if isinstance(part, str) else part)
    return digest.hexdigest()[:24]


def _cpu_flags() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(("flags", "Features")):
                return line
    return torch.backends.cpu.get_cpu_capability()


def _sources(module: StreamingModule) -> Iterator[bytes]:
    """The source files of the module's parts, of what they import from the same packages, and of what compiles it."""
    names = {type(part).__module__ for part in module.modules()}
    tops = {_top(name) for name in names} - {"torch", "torchaudio"} | {"models", "kernels"}
    found: dict[str, Path] = {}
    while names:
        name = names.pop()
        if name not in found and _top(name) in tops and (file := _source_file(name)):
            found[name] = file
            names |= _imported(file)
    for path in [*sorted(found.values()), Path(__file__), Path(__file__).with_name("compiled.py")]:
        yield path.read_bytes()


def _top(name: str) -> str:
    return name.partition(".")[0]


def _source_file(name: str) -> Path | None:
    """None for what is no module: the last part of `from module import name` may be a class."""
    with suppress(ImportError, ValueError):
        spec = importlib.util.find_spec(name)
        return Path(spec.origin) if spec is not None and spec.origin is not None else None
    return None


def _imported(file: Path) -> set[str]:
    """The modules that a source file names in its imports, and what it takes from them, as dotted names."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _formats(module: StreamingModule, example: Tree) -> Iterator[str | bytes]:
    """Shapes, weights and the plain settings of every part."""
    for leaf in tree_leaves(example):
        yield f"{leaf.dtype}{tuple(leaf.shape[1:])}"
    for name, part in module.named_modules():
        plain = {key: value for key, value in vars(part).items() if isinstance(value, int | float | str | tuple)}
        yield f"{name} {type(part).__qualname__} {sorted(plain.items())!r}"
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        yield f"{name} {tensor.dtype} {tuple(tensor.shape)}"
        yield tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes()


def build(module: StreamingModule, example: Tree, path: Path) -> None:
    """Compile the tick of `module` and put the package at `path`, unless somebody else did meanwhile."""
    with _locked(path.with_suffix(".lock")):
        if path.exists():
            return
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".build-") as room:
            os.environ["TORCHINDUCTOR_CACHE_DIR"] = room
            made = _compile(module.eval().requires_grad_(False), example, Path(room) / "step.pt2")
            os.replace(made, path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the file's lock: it goes with the process, however that ends."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _compile(module: StreamingModule, example: Tree, path: Path) -> str:
    from torch._inductor import config  # heavy: only the build needs it

    # Two rows and three slots, because export takes a size of 1 (and two equal sizes) for a constant.
    rows, slots = torch.tensor([0, 1]), module.initial_state(3)
    chunk = [leaf.expand(2, *leaf.shape[1:]).contiguous() for leaf in tree_leaves(example)]
    width, count = torch.export.Dim("rows", min=1, max=4096), torch.export.Dim("slots", min=1, max=4096)
    shapes = {"rows": {0: width}, "flat": ({0: width},) * len(chunk) + ({0: count},) * len(tree_leaves(slots))}
    flat = (rows, *chunk, *tree_leaves(slots))
    with torch.no_grad(), config.patch({"cpp.threads": 1}):
        program = torch.export.export(Tick(module, example, slots), flat, dynamic_shapes=shapes)
        return str(torch._inductor.aoti_compile_and_package(program, package_path=str(path)))


def _give_way() -> None:
    """Take only what the server leaves of the cores."""
    os.nice(15)
    # Linux shares cores between terminal sessions first; the server started this process at the head of its own.
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text("15")


def main() -> None:
    """The build process: `(module, example)` comes pickled from the parent, which is trusted."""
    _give_way()
    torch.set_num_threads(1)
    module, example = pickle.load(sys.stdin.buffer)
    build(module, example, Path(sys.argv[1]))


if __name__ == "__main__":
    main()
