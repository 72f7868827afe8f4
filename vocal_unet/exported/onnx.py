"""ONNX files, run by ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vocal_unet.errors import ConfigError, ModelError
from vocal_unet.exported import ExportedModel, first_line, parse_description

METADATA = "vocal_unet"
STATE = ("state_pending", "state_tail", "state_skip")


def load(path: Path) -> ExportedModel:
    """Load an ONNX file."""
    try:
        import onnxruntime
    except ImportError:
        raise ConfigError(
            f"{path}: onnxruntime, which runs ONNX files, is not installed; pip install onnxruntime"
        ) from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # it warns that the stream's state, left out, has a value
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=onnxruntime.get_available_providers())
    except Exception as error:  # its errors have no class in common but this one
        raise ModelError(f"{path}: cannot be loaded ({first_line(error)})") from error
    description = parse_description(session.get_modelmeta().custom_metadata_map.get(METADATA), path)
    stems = description["stems"]

    def separate(waveform: np.ndarray) -> dict[str, np.ndarray]:
        return dict(zip(stems, session.run(stems, {"waveform": np.asarray(waveform, np.float32)}), strict=True))

    return ExportedModel(**description, separate=separate, open_stream=lambda: _Stream(session, stems))


class _Stream:
    """The graph's own stream: its state goes out and in again, and `end` says whether the song is over."""

    def __init__(self, session: Any, stems: tuple[str, ...]) -> None:
        self._session = session
        self._stems = stems
        self._state: dict[str, np.ndarray] = {}

    def process(self, block: np.ndarray) -> np.ndarray:
        feed = {"waveform": np.asarray(block, np.float32), "end": np.array(False), **self._state}
        outputs = self._session.run([*self._stems, *(f"{name}_out" for name in STATE)], feed)
        self._state = dict(zip(STATE, outputs[len(self._stems) :], strict=True))
        return np.stack(outputs[: len(self._stems)])

    def flush(self) -> np.ndarray:
        feed = {"waveform": np.zeros((0, 1), np.float32), **self._state}
        self._state = {}
        return np.stack(self._session.run(list(self._stems), feed))
