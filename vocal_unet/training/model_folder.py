"""A trained model on disk: network, settings, model card; complete under its name or not there at all."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from vocal_unet.config import TrainConfig
from vocal_unet.errors import OutputError
from vocal_unet.version import __version__

FORMAT = 1
STEMS = ("vocals", "accompaniment")


@contextmanager
def new_folder(folder: Path, *, force: bool = False) -> Iterator[Path]:
    """A folder to fill beside `folder` that takes its name at the end; after an error it is removed.

    Raises:
        OutputError: `folder` exists already (unless `force`), or cannot be written.
    """
    if folder.exists() and not force:
        raise OutputError(f"{folder}: exists already; give another folder or use --force to replace it")
    if folder.exists() and not (folder / "config.json").is_file() and any([not folder.is_dir(), *_entries(folder)]):
        raise OutputError(f"{folder}: is no model folder, so it is not replaced; give another folder")
    partial = folder.with_name(f".{folder.name}.partial")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if partial.exists():
            shutil.rmtree(partial)
        partial.mkdir()
    except OSError as error:
        raise OutputError(f"{partial}: cannot be made ({error.strerror})") from error
    try:
        yield partial
        try:
            _rename(partial, folder)
        except OSError as error:
            raise OutputError(f"{folder}: cannot be written ({error.strerror})") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _rename(partial: Path, folder: Path) -> None:
    """Give `partial` the name `folder`; a folder that has it is removed only after the new one is in place."""
    if not folder.exists():
        os.replace(partial, folder)
        return
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    os.replace(folder, old)
    try:
        os.replace(partial, folder)
    except OSError:
        os.replace(old, folder)
        raise
    shutil.rmtree(old)


def save_model(
    folder: Path,
    network: keras.Model,
    config: TrainConfig,
    *,
    data: str,
    minutes: float,
    trained_on: str,
    result: Mapping[str, float],
) -> None:
    """Write `model.keras`, `config.json` and `model_card.md` into an existing folder.

    Args:
        folder: where to.
        network: takes whole segments; saved without an optimizer.
        config: the settings it was trained with.
        data: the songs' spec.
        minutes: time the training took.
        trained_on: one plain sentence for tables.
        result: epochs, steps and validation loss.
    """
    network.save(folder / "model.keras")
    settings = config.to_dict()
    description = {
        "format": FORMAT,
        "architecture": "unet",
        "framing": settings.pop("framing"),
        "unet": settings.pop("unet"),
        "stems": list(STEMS),
        "training": settings,
        "data": data,
        "minutes": round(minutes, 2),
        "trained_on": trained_on,
        "result": dict(result),
        "versions": versions(),
    }
    (folder / "config.json").write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "model_card.md").write_text(model_card(network, config, data, trained_on, result), encoding="utf-8")


def versions() -> dict[str, str]:
    """What computed a result."""
    return {
        "vocal-unet": __version__,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
    }


def describe(data: str, songs: int) -> str:
    """The songs in words: "58 generated songs", "5 songs from FOLDER"."""
    kind, _, rest = data.partition(":")
    if kind == "generated":
        return f"{songs} generated songs"
    return f"{songs} song{'' if songs == 1 else 's'} from {Path(rest).name}"


def model_card(
    network: keras.Model, config: TrainConfig, data: str, trained_on: str, result: Mapping[str, float]
) -> str:
    """A short Markdown page: what the model is, what it heard, what not to expect of it."""
    framing = config.framing
    heard = (
        "It has never heard a real voice or instrument: all songs were generated from random numbers."
        if data.startswith("generated:")
        else "Check the licence of these songs before you publish the weights."
    )
    shape = f"{framing.segment_frames} frames × {framing.bins} bins × {framing.channels} channels"
    return f"""# Vocals U-Net

Separates vocals from accompaniment in {framing.sample_rate} Hz stereo music. Trained {trained_on}. {heard}

| | |
|---|---|
| network | U-Net, filters {", ".join(map(str, config.unet.filters))}, {network.count_params():,} parameters |
| input | {shape}; frame {framing.frame_length}, step {framing.frame_step} |
| above | {framing.bins * framing.sample_rate / framing.frame_length / 1000:.1f} kHz everything counts as accompaniment |
| data | `{data}` |
| training | {result["steps"]} steps of {config.batch_size} × {config.crop_frames} frames, {result["epochs"]} epochs |
| loss | {config.loss}, {result["validation_loss"]:.4g} on held-out songs |

The validation loss is no measure of quality; score the model with `spleeter-bench run`.
"""
