"""Isolate vocals from stereo music: a Keras U-Net, Deezer's Spleeter models, and the road a song takes through them.

Names are loaded on first use, so importing the package (or asking a command for help) does not load TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from vocal_unet.version import __version__

if TYPE_CHECKING:
    from vocal_unet.audio import probe_audio, read_audio, write_audio
    from vocal_unet.config import Framing, UNetConfig
    from vocal_unet.errors import CancelledError, VocalUnetError, WeightsUnavailableError
    from vocal_unet.framing import istft, stft
    from vocal_unet.separator import Separator, load_model
    from vocal_unet.shipped import SHIPPED
    from vocal_unet.spectrogram import log_spectrogram, row_edges

_HOMES = {
    "SHIPPED": "shipped",
    "CancelledError": "errors",
    "Framing": "config",
    "Separator": "separator",
    "UNetConfig": "config",
    "VocalUnetError": "errors",
    "WeightsUnavailableError": "errors",
    "istft": "framing",
    "load_model": "separator",
    "log_spectrogram": "spectrogram",
    "probe_audio": "audio",
    "read_audio": "audio",
    "row_edges": "spectrogram",
    "stft": "framing",
    "write_audio": "audio",
}

__all__ = [
    "SHIPPED",
    "CancelledError",
    "Framing",
    "Separator",
    "UNetConfig",
    "VocalUnetError",
    "WeightsUnavailableError",
    "__version__",
    "istft",
    "load_model",
    "log_spectrogram",
    "probe_audio",
    "read_audio",
    "row_edges",
    "stft",
    "write_audio",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'vocal_unet' has no attribute {name!r}")
    return getattr(importlib.import_module(f"vocal_unet.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
