"""What is compared: everything that turns a mixture into vocals."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path

from spleeter_bench.errors import BenchError
from spleeter_bench.systems.base import MWF, Separation, System, SystemInfo
from spleeter_bench.systems.process import DEFAULT_TIMEOUT, Launch, ProcessSystem

__all__ = ["DEFAULT_TIMEOUT", "Separation", "System", "SystemInfo", "make_system"]

FORMS = (
    "mixture",
    "mid (centre extraction)",
    "oracle:irm, oracle:irm2, oracle:ibm, oracle:mwf (+ @paper for the paper's framing)",
    "vocal-unet:PATH (a model's folder, or demo; + @mwf)",
    "keras:spleeter:2stems (any model name or JSON file; rival; + @mwf)",
    "spleeter:2stems (the original; any of its models, a JSON file or rival; + @mwf)",
    "savedmodel:PATH",
    "onnx:PATH, tflite:PATH (made by vocal-unet export)",
    "dir:PATH (estimates somebody else made)",
    "cmd:'PROGRAM … {input} {output}'",
)


def make_system(spec: str, *, timeout: float = DEFAULT_TIMEOUT) -> System:
    """Make the system `spec` names, not yet started.

    Args:
        spec: one of `FORMS`. NAME in `keras:NAME` is what `vocal_unet.Separator` takes (`spleeter:2stems`, a JSON file),
            in `spleeter:NAME` one of the original's configurations (`2stems`, a JSON file); `rival` in both is Spleeter's
            architecture with weights that come with the benchmark; `@mwf` adds the multichannel Wiener filter; oracles also
            take `@spleeter`, their default framing.
        timeout: seconds that starting, and each song, may take.

    Raises:
        BenchError: no such system, or there is nothing at its path.
    """
    kind, _, argument = spec.partition(":")
    make = _KINDS.get(kind)
    system = make(spec, argument, timeout) if make else None
    if system is None:
        raise BenchError(f"unknown system {spec!r}; known: {', '.join(FORMS)}")
    return system


Maker = Callable[[str, str, float], System | None]
"""`(spec, argument, timeout)` -> the system, or None where the argument is none it takes."""


def _in_our_python(accepts: Callable[[str], bool], *, needs_references: bool = False) -> Maker:
    """A worker process of this Python, which loads what `systems.worker.load` says."""

    def make(spec: str, argument: str, timeout: float) -> System | None:
        if not accepts(argument):
            return None
        command = [sys.executable, "-m", "spleeter_bench.systems.worker", spec]
        launch = Launch(command, {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ})
        return ProcessSystem(spec, lambda: launch, timeout=timeout, needs_references=needs_references)

    return make


def _exists(argument: str) -> bool:
    """Whether something is there; a misspelt path should not become a row of the table.

    Raises:
        BenchError: nothing is.
    """
    if argument and not Path(argument).expanduser().exists():
        raise BenchError(f"{argument}: no such file or folder")
    return bool(argument)


def _nothing(argument: str) -> bool:
    return not argument


def _is_oracle(argument: str) -> bool:
    from spleeter_bench.systems.oracles import ORACLES

    return argument in ORACLES


def _original(spec: str, argument: str, timeout: float) -> System | None:
    from spleeter_bench.systems.original import original_launch

    return ProcessSystem(spec, functools.partial(original_launch, argument), timeout=timeout) if argument else None


def _folder(spec: str, argument: str, timeout: float) -> System | None:
    from spleeter_bench.systems.folder import FolderSystem

    return FolderSystem(spec, Path(argument)) if _exists(argument) else None


def _command(spec: str, argument: str, timeout: float) -> System | None:
    from spleeter_bench.systems.command import CommandSystem

    return CommandSystem(spec, argument, timeout=timeout) if argument else None


def _is_model(argument: str) -> bool:
    from vocal_unet import SHIPPED

    model = argument.removesuffix(MWF)
    return model in SHIPPED or _exists(model)


_KINDS: dict[str, Maker] = {
    "mixture": _in_our_python(_nothing),
    "mid": _in_our_python(_nothing),
    "oracle": _in_our_python(_is_oracle, needs_references=True),
    "vocal-unet": _in_our_python(_is_model),
    "keras": _in_our_python(bool),
    "savedmodel": _in_our_python(_exists),
    "onnx": _in_our_python(_exists),
    "tflite": _in_our_python(_exists),
    "spleeter": _original,
    "dir": _folder,
    "cmd": _command,
}
