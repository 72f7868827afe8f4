"""Exported models, run by their own runtimes; nothing here loads a runtime that the model does not need."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from vocal_unet.config import Framing
from vocal_unet.errors import ConfigError, ModelError

KINDS = ("savedmodel", "onnx", "tflite")
DESCRIPTION = "vocal_unet.json"
"""Name of what describes a model inside its export."""


class BlockStream(Protocol):
    """One song, block by block: `streaming.SegmentStream` and what stands in its place."""

    def process(self, block: np.ndarray) -> np.ndarray:
        """Takes float32 `(samples, channels)`; gives what is finished, `(stems, samples, channels)`."""

    def flush(self) -> np.ndarray:
        """Ends the song and gives the rest."""


@dataclass(frozen=True)
class ExportedModel:
    """A model in a format of its own, ready to run."""

    name: str
    framing: Framing
    stems: tuple[str, ...]
    weights: str
    """Where the weights came from, in words."""
    separate: Callable[[np.ndarray], dict[str, np.ndarray]]
    """A whole song: float32 `(samples, channels)`, mono or stereo, to one such stereo waveform per stem."""
    open_stream: Callable[[], BlockStream]


def is_exported(spec: str) -> bool:
    """Whether `spec` is `savedmodel:PATH`, `onnx:PATH` or `tflite:PATH`."""
    return spec.partition(":")[0] in KINDS and ":" in spec


def load_exported(spec: str) -> ExportedModel:
    """Load an export by `savedmodel:PATH`, `onnx:PATH` or `tflite:PATH`.

    Raises:
        ConfigError: there is no such file, or its runtime is not installed.
        ModelError: it is damaged or no export of this package.
    """
    kind, _, path = spec.partition(":")
    place = Path(path).expanduser()
    if not path or not place.exists():
        raise ConfigError(f"{path or spec}: no such file or folder")
    return importlib.import_module(f"vocal_unet.exported.{kind}").load(place)


def parse_description(text: str | bytes | None, path: Path) -> Mapping[str, Any]:
    """What an export says of itself: name, stems, framing, weights, versions.

    Raises:
        ModelError: it says nothing, or something unreadable.
    """
    if text is None:
        raise ModelError(f"{path}: was not made by 'vocal-unet export' (it holds no {DESCRIPTION})")
    try:
        description = json.loads(text)
        return {
            "name": path.name,
            "stems": tuple(description["stems"]),
            "framing": Framing.from_dict(description["framing"]),
            "weights": str(description["weights"]),
        }
    except (ValueError, KeyError, TypeError, ConfigError) as error:
        raise ModelError(f"{path}: its {DESCRIPTION} cannot be read ({error})") from None


def first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
