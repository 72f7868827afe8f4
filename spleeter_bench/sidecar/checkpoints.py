"""Checkpoints with random weights for the machines Deezer's weights cannot be downloaded to."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from spleeter_bench.errors import BenchError
from spleeter_bench.sidecar.environment import ensure_environment, isolated_variables

MODELS = ("2stems", "4stems", "5stems")
"""Those that Spleeter has configurations of."""
_SCRIPT = Path(__file__).with_name("generate_checkpoint.py")


def generate_checkpoint(descriptor: str, folder: str | os.PathLike[str], seed: int = 0) -> Path:
    """Save Spleeter's own graph with seeded random weights, in the form of Deezer's archives.

    Args:
        descriptor: as Spleeter takes it: `spleeter:2stems`, … or the path of a JSON file.
        folder: what `MODEL_PATH` will be; the checkpoint goes to `folder/<model_dir of the configuration>`.
        seed: same seed, same weights.

    Returns:
        The folder that holds the checkpoint. Its `.source.json` says `{"source": "generated"}`.

    Raises:
        SystemUnavailableError: Spleeter's environment cannot be made.
        BenchError: no such configuration, or weights of another origin lie there.
    """
    command = [str(ensure_environment()), str(_SCRIPT), descriptor, os.fspath(folder), "--seed", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, env=isolated_variables(), stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise BenchError(f"no checkpoint of {descriptor} could be generated: {reason[-1]}")
    return Path(done.stdout.strip().splitlines()[-1])


def ensure_checkpoint(model: str, folder: Path, progress: Callable[[str], None]) -> None:
    """Make `folder/model` with generated weights unless a checkpoint is there.

    Args:
        model: one of `MODELS`.
        folder: what `MODEL_PATH` will be.
        progress: told when one has to be made.

    Raises:
        SystemUnavailableError, BenchError: as `generate_checkpoint`.
    """
    if not any((folder / model).glob("*.index")):
        progress(f"{model}: making a checkpoint with generated weights")
        generate_checkpoint(f"spleeter:{model}", folder)
