"""Settings as frozen dataclasses, by what they are about."""

from vocal_unet.config.augment import AUGMENTATIONS, AugmentConfig
from vocal_unet.config.base import Config, read_json, require
from vocal_unet.config.execution import PRECISIONS, Execution
from vocal_unet.config.framing import FRAMINGS, Framing
from vocal_unet.config.masking import BANDS, WIENER_WINDOWS, Masking, Rendering, rest_stem
from vocal_unet.config.networks import CoarseConfig, SpleeterNetworkConfig, UNetConfig
from vocal_unet.config.presets import PRESETS
from vocal_unet.config.train import TrainConfig

__all__ = [
    "AUGMENTATIONS",
    "BANDS",
    "FRAMINGS",
    "PRECISIONS",
    "PRESETS",
    "WIENER_WINDOWS",
    "AugmentConfig",
    "CoarseConfig",
    "Config",
    "Execution",
    "Framing",
    "Masking",
    "Rendering",
    "SpleeterNetworkConfig",
    "TrainConfig",
    "UNetConfig",
    "read_json",
    "require",
    "rest_stem",
]
