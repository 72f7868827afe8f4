"""SavedModels, run by plain TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vocal_unet.errors import ModelError
from vocal_unet.exported import DESCRIPTION, ExportedModel, first_line, parse_description


def load(path: Path) -> ExportedModel:
    """Load the folder of a SavedModel."""
    import tensorflow as tf

    asset = path / "assets" / DESCRIPTION
    description = parse_description(asset.read_bytes() if asset.is_file() else None, path)
    try:
        loaded = tf.saved_model.load(str(path))
    except Exception as error:  # TensorFlow raises OSError, ValueError or errors of its own for a damaged folder
        raise ModelError(f"{path}: cannot be loaded ({first_line(error)})") from error
    default = loaded.signatures["serving_default"]

    def separate(waveform: np.ndarray) -> dict[str, np.ndarray]:
        stems = default(waveform=tf.constant(waveform, tf.float32))
        return {stem: stems[stem].numpy() for stem in description["stems"]}

    return ExportedModel(**description, separate=separate, open_stream=lambda: _Stream(loaded, description["stems"]))


class _Stream:
    """The SavedModel's own stream."""

    def __init__(self, loaded: Any, stems: tuple[str, ...]) -> None:
        self._loaded = loaded
        self._stems = stems
        self._state = loaded.stream_init()

    def process(self, block: np.ndarray) -> np.ndarray:
        finished, self._state = self._loaded.stream(np.asarray(block, np.float32), self._state)
        return np.stack([finished[stem] for stem in self._stems])

    def flush(self) -> np.ndarray:
        finished = self._loaded.stream_flush(self._state)
        self._state = self._loaded.stream_init()
        return np.stack([finished[stem] for stem in self._stems])
