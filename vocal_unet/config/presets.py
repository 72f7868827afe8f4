"""Settings that are ready to train with."""

from __future__ import annotations

from vocal_unet.config.augment import AugmentConfig
from vocal_unet.config.framing import Framing
from vocal_unet.config.networks import UNetConfig
from vocal_unet.config.train import TrainConfig

PRESETS: dict[str, TrainConfig] = {
    "spleeter": TrainConfig(learning_rate=1e-3, schedule="cosine", ema=0.999, clip_norm=1.0, monitor="val_si_sdr"),
    "paper": TrainConfig(framing=Framing.PAPER, crop_frames=587, augment=AugmentConfig.PAPER),
    "tiny": TrainConfig(
        unet=UNetConfig(filters=(8, 16, 24, 32, 48, 64), dropout=(0.2,), batch_normalization_momentum=0.95),
        learning_rate=3e-3,
        schedule="cosine",
        ema=0.98,
        monitor="val_si_sdr",
        crop_frames=64,
        steps_per_epoch=50,
        epochs=100,
        early_stopping=0.0,
        vocals_gain_db=8.0,
        validation_excerpts=8,
    ),
}
"""`paper` is the paper's, at its framing; `spleeter`, at Spleeter's framing, is what is worth starting with; `tiny` learns
something in minutes on a CPU."""
