"""A trained model on disk: network, model card and, written last, the settings."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from vocal_unet.errors import OutputError
from vocal_unet.training.architectures import Architecture
from vocal_unet.training.progress import History
from vocal_unet.version import __version__

FORMAT = 1


def save_model(
    folder: Path,
    network: keras.Model,
    plan: Architecture,
    *,
    data: str,
    minutes: float,
    trained_on: str,
    history: History,
) -> None:
    """Write `model.keras`, `model_card.md` and, as the sign that the model is complete, `config.json`.

    Args:
        folder: an existing folder.
        network: takes whole segments; saved without an optimizer.
        plan: the architecture with the settings it was trained with.
        data: the songs' spec.
        minutes: time the training took.
        trained_on: one plain sentence for tables.
        history: what was found after every epoch.

    Raises:
        OutputError: a file cannot be written; the model is not complete then.
    """
    settings = plan.config.to_dict()
    best = history.epochs[history.best_epoch - 1]
    description = {
        "format": FORMAT,
        "architecture": plan.config.arch,
        "framing": settings.pop("framing"),
        "masking": plan.masking.to_dict(),
        "stems": list(plan.stems),
        "training": settings,
        "data": data,
        "minutes": round(minutes, 2),
        "trained_on": trained_on,
        "result": {
            "epochs": len(history.epochs),
            "best_epoch": history.best_epoch,
            "steps": history.steps,
            **{name: round(best[name], 6) for name in ("val_loss", "val_si_sdr", "val_si_sdri")},
        },
        "versions": versions(),
    }
    try:
        network.save(folder / "partial.keras")
        os.replace(folder / "partial.keras", folder / "model.keras")
        (folder / "model_card.md").write_text(model_card(network, plan, data, trained_on, history), encoding="utf-8")
        partial = folder / "config.json.partial"
        partial.write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(partial, folder / "config.json")
    except OSError as error:
        raise OutputError(
            f"{folder}: the model cannot be written ({error.strerror or error}); the training is kept: free space, then run "
            "the same command again"
        ) from error


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


def model_card(network: keras.Model, plan: Architecture, data: str, trained_on: str, history: History) -> str:
    """A short Markdown page: what the model is, what it heard, what not to expect of it."""
    config = plan.config
    framing = config.framing
    heard = (
        "It has never heard a real voice or instrument: all songs were generated from random numbers."
        if data.startswith("generated:")
        else "Check the licence of these songs before you publish the weights."
    )
    shape = f"{framing.segment_frames} frames × {framing.bins} bins × {framing.channels} channels"
    filters = {
        "unet": config.unet.filters, "spleeter": config.spleeter.conv_n_filters, "coarse": config.coarse.filters
    }[config.arch]  # fmt: skip
    best = history.epochs[history.best_epoch - 1]
    return f"""# {plan.stems[0].capitalize()} from {framing.sample_rate} Hz stereo

Separates {plan.stems[0]} from {plan.stems[1]}. Trained {trained_on}. {heard}

| | |
|---|---|
| network | {config.arch}, filters {", ".join(map(str, filters))}, {network.count_params():,} parameters |
| input | {shape}; frame {framing.frame_length}, step {framing.frame_step} |
| above | {framing.bins * framing.sample_rate / framing.frame_length / 1000:.1f} kHz everything counts as {plan.stems[1]} |
| data | `{data}` |
| training | {history.steps} steps of {config.batch_size} × {config.crop_frames} frames, {len(history.epochs)} epochs |
| loss | {config.loss}, {best["val_loss"]:.4g} on held-out songs |
| held-out songs | SI-SDR {best["val_si_sdr"]:.1f} dB, {best["val_si_sdri"]:+.1f} over the mixture (epoch {history.best_epoch}) |

Held-out songs resemble those it learned from; score the model on others with `spleeter-bench run`.
"""
