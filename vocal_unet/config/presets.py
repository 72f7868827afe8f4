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
        unet=UNetConfig(
            filters=(8, 16, 24, 32, 48, 64),
            dropout=(0.4, 0.3, 0.2),
            batch_normalization_momentum=0.95,
            detail_db=40.0,
        ),
        # few songs, so each example is to sound like another one
        augment=AugmentConfig(
            cross_mixing=0.9,
            stem_mixing=0.5,
            stem_dropout=0.15,
            active_crops=0.9,
            rest_only=0.05,
            pitch_shift=0.6,
            pitch_semitones=5.0,
            formant_shift=0.5,
            equaliser=0.5,
            equaliser_db=10.0,
            gain_db=8.0,
            noise=0.9,
        ),
        loss="spectral_error",
        learning_rate=1.5e-3,
        clip_norm=1.0,
        schedule="cosine",
        ema=0.99,
        monitor="val_si_sdr",
        crop_frames=64,
        steps_per_epoch=50,
        epochs=100,
        early_stopping=0.0,
        validation_excerpts=8,
    ),
}
"""`paper` is the paper's, at its framing; `spleeter`, at Spleeter's framing, is what is worth starting with; `tiny` learns
something in minutes on a CPU."""
