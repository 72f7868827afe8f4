"""Settings that are ready to train with."""

from __future__ import annotations

from vocal_unet.config.augment import AugmentConfig
from vocal_unet.config.framing import Framing
from vocal_unet.config.networks import UNetConfig
from vocal_unet.config.train import TrainConfig

PRESETS: dict[str, TrainConfig] = {
    "default": TrainConfig(learning_rate=1e-3, schedule="cosine"),
    "paper": TrainConfig(framing=Framing.PAPER, crop_frames=587, augment=AugmentConfig.PAPER),
    "tiny": TrainConfig(
        unet=UNetConfig(filters=(8, 16, 24, 32, 48, 64), dropout=(0.2,), batch_normalization_momentum=0.95),
        learning_rate=3e-3,
        schedule="cosine",
        crop_frames=64,
        steps_per_epoch=50,
        epochs=100,
        early_stopping=0.0,
        vocals_gain_db=8.0,
        validation_crops=32,
        minutes=2.0,
    ),
}
"""Ready settings: `paper` is the paper's, `default` what is worth starting with, `tiny` learns something in two minutes."""
