"""Who is timed: each as a command from file to files, and as a loaded system."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spleeter_bench import sidecar
from spleeter_bench.errors import BenchError
from spleeter_bench.own_command import run_module
from spleeter_bench.sidecar.environment import ensure_environment, isolated_variables

ORIGINAL, KERAS, SAVEDMODEL, ONNX = "original", "keras", "savedmodel", "onnx"
NAMES = (ORIGINAL, KERAS, SAVEDMODEL, ONNX)


@dataclass(frozen=True)
class Contestant:
    """One way to run the same network."""

    name: str
    system: str
    """The loaded system, for `spleeter_bench.systems.make_system`."""
    command: Callable[[Path, Path], list[str]]
    """Song and folder → the command that separates the one into the other; ours take a folder of songs as well."""
    variables: Mapping[str, str]


def contestants(model: str, weights: Path, work: Path, names: tuple[str, ...] = NAMES) -> list[Contestant]:
    """Prepare those that were asked for.

    Args:
        model: `2stems`, `4stems` or `5stems`.
        weights: folder of the model's checkpoint folder, Spleeter's `MODEL_PATH`.
        work: where exports go; those that are there are used.
        names: some of `NAMES`.

    Raises:
        BenchError: a conversion or an export failed, or no such contestant.
        SystemUnavailableError: Spleeter's environment cannot be made.
    """
    require_known(names)
    ours = {**os.environ, "MODEL_PATH": str(weights), "TF_CPP_MIN_LOG_LEVEL": "3"}
    # as after a download: the original keeps reading the checkpoint, ours what was made from it
    run_module("vocal_unet", "models", "fetch", model, failed=f"{model} could not be converted", variables=ours)
    made = []
    for name in names:
        if name == ORIGINAL:
            python, script = ensure_environment(), Path(sidecar.__path__[0]) / "separate_file.py"
            start = [str(python), str(script), f"spleeter:{model}"]
            variables = {**isolated_variables(), "MODEL_PATH": str(weights)}
            made.append(Contestant(name, f"spleeter:{model}", _appended(start), variables))
            continue
        system = f"spleeter:{model}" if name == KERAS else _export(model, name, work, ours)
        command = _separate(system)
        made.append(Contestant(name, f"keras:{system}" if name == KERAS else system, command, ours))
    return made


def require_known(names: Sequence[str]) -> None:
    """Raise `BenchError` for a name that is not in `NAMES`."""
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise BenchError(f"nobody called {unknown[0]!r} to time; there are {', '.join(NAMES)}")


def _appended(start: list[str]) -> Callable[[Path, Path], list[str]]:
    return lambda song, folder: [*start, str(song), str(folder)]


def _separate(system: str) -> Callable[[Path, Path], list[str]]:
    start = [sys.executable, "-m", "vocal_unet", "separate", "-p", system]
    return lambda song, folder: [*start, "-o", str(folder), str(song)]


def _export(model: str, form: str, work: Path, variables: Mapping[str, str]) -> str:
    target = work / f"{model}.{form}"
    if not target.exists():
        arguments = ("vocal_unet", "export", f"spleeter:{model}", str(target), "--format", form)
        run_module(*arguments, failed=f"{model} could not be exported as {form}", variables=variables)
    return f"{form}:{target}"
