"""A rival on equal terms that needs no internet: Spleeter's 2-stem architecture with weights of our own training.

The weights come with the benchmark (`model/`, see its `model_card.md`). `keras:rival` runs them in our code, `spleeter:rival` in
the original Spleeter, from a TensorFlow 1 checkpoint that is written on first use. They say how the two architectures compare
after the same training; they say nothing of how good Deezer's weights are.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pooch

from spleeter_bench.errors import BenchError, SystemUnavailableError
from spleeter_bench.own_command import run_module
from vocal_unet.lock import locked

RIVAL = "rival"
FOLDER = Path(__file__).with_name("model")
"""A packed model folder, which `vocal_unet.Separator` loads."""


def checkpoint_folder() -> Path:
    """The folder to use as Spleeter's `MODEL_PATH`, with `rival.json` and the checkpoint in it; written where missing.

    Raises:
        SystemUnavailableError: it cannot be written.
    """
    digest = hashlib.sha256((FOLDER / "weights.safetensors").read_bytes()).hexdigest()[:12]
    folder = Path(pooch.os_cache("vocal-unet")).absolute() / f"rival-{digest}" / RIVAL
    try:
        with locked(folder.with_name(".lock")):
            if not folder.is_dir():
                _write(folder)
    except OSError as error:
        raise SystemUnavailableError(f"{folder}: cannot be written ({error.strerror or error})") from error
    return folder


def _write(folder: Path) -> None:
    try:
        run_module(
            "vocal_unet", "export", str(FOLDER), str(folder), "--format", "checkpoint",
            failed="the rival's checkpoint could not be written",
        )  # fmt: skip
    except BenchError as error:
        raise SystemUnavailableError(str(error)) from None
