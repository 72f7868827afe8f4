"""Where Spleeter's checkpoints lie, for the original Spleeter and for `vocal_unet` alike."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pooch


def weights_folder() -> Path:
    """Folder that holds `2stems/`, `4stems/`, …: $MODEL_PATH, as Spleeter has it, or the user's cache folder."""
    if "MODEL_PATH" in os.environ:
        return Path(os.environ["MODEL_PATH"]).absolute()
    return Path(pooch.os_cache("vocal-unet")).absolute() / "pretrained_models"


def spleeter_descriptor(name: str) -> str:
    """What Spleeter calls the model `name`: `spleeter:NAME` for one of its own, the path for a JSON file."""
    return name if name.endswith(".json") or os.sep in name else f"spleeter:{name}"


@contextmanager
def model_path(folder: Path) -> Iterator[None]:
    """Inside, both sides look for checkpoints in `folder`, as $MODEL_PATH says."""
    before = os.environ.get("MODEL_PATH")
    os.environ["MODEL_PATH"] = str(folder.absolute())
    try:
        yield
    finally:
        if before is None:
            del os.environ["MODEL_PATH"]
        else:
            os.environ["MODEL_PATH"] = before
