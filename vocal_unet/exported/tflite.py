"""TFLite files, run by LiteRT or by the interpreter inside TensorFlow; the stream around its segments is `streaming`'s."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from vocal_unet.errors import ConfigError, ModelError
from vocal_unet.exported import DESCRIPTION, ExportedModel, first_line, parse_description
from vocal_unet.streaming import SegmentStream


def load(path: Path) -> ExportedModel:
    """Load a TFLite file."""
    description = parse_description(_read_description(path), path)
    framing, stems = description["framing"], description["stems"]
    try:
        interpreter = _interpreter()(str(path))
        run = interpreter.get_signature_runner("segment")
    except ValueError as error:
        raise ModelError(f"{path}: cannot be loaded ({first_line(error)})") from error

    def separate_segments(samples: np.ndarray, valid_frames: np.ndarray) -> np.ndarray:
        separated = np.empty((len(stems), *samples.shape), np.float32)
        for index, valid in enumerate(valid_frames):
            outputs = run(samples=samples[index : index + 1], valid_frames=np.array([valid], np.int32))
            separated[:, index] = [outputs[stem] for stem in stems]
        return separated

    def open_stream() -> SegmentStream:
        return SegmentStream(separate_segments, framing, len(stems))

    def separate(waveform: np.ndarray) -> dict[str, np.ndarray]:
        stream = open_stream()
        block = np.repeat(waveform, framing.channels, axis=1) if waveform.shape[1] == 1 else waveform
        samples = np.concatenate([stream.process(block[:, : framing.channels]), stream.flush()], axis=1)
        return dict(zip(stems, samples, strict=True))

    return ExportedModel(**description, separate=separate, open_stream=open_stream)


def _read_description(path: Path) -> bytes | None:
    """As TFLite's metadata has it, associated files are a zip archive behind the model."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(DESCRIPTION)
    except (zipfile.BadZipFile, KeyError, OSError):
        return None


def _interpreter() -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        try:
            from tensorflow.lite import Interpreter
        except ImportError:
            raise ConfigError("LiteRT, which runs TFLite files, is not installed; pip install ai-edge-litert") from None
    return Interpreter
