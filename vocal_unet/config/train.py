"""How a network is trained."""

from __future__ import annotations

from dataclasses import dataclass

from vocal_unet.config.augment import AugmentConfig
from vocal_unet.config.base import Config, is_number, require, require_whole
from vocal_unet.config.framing import Framing
from vocal_unet.config.networks import UNetConfig


@dataclass(frozen=True)
class TrainConfig(Config):
    """How a U-Net is trained; the defaults are the paper's settings where it states them (§3).

    `crop_frames`: length of a training example; the trained weights serve segments of any length.
    `loss`: `magnitude_l1` or `mask_l1`. `schedule`: `constant`, or `cosine` down to zero after a short warm-up.
    `early_stopping`: share of the epochs the validation loss may fail to improve before training ends; 0 never stops.
    `target`: the stem the network learns; all others of a song are its accompaniment. `augment`: see `AugmentConfig`.
    `vocals_gain_db`: the target is made this much louder on top, in validation too. Vocals are quieter than the rest, so a
    mask that lets nothing through is a local minimum of L1, which a short training does not leave by itself.
    `bad_songs`: `refuse` to train when a song cannot be used, or `skip` it and say so.
    `memory_mb`: decoded songs wait in at most this much memory; where they do not fit, they take turns.
    `validation_songs`: share of the songs that is kept for validation. `validation_crops`: examples taken from them.
    `minutes`: training ends after this time even if epochs are left, and the schedule is stretched to it; None: no limit.
    """

    framing: Framing = Framing.SPLEETER
    unet: UNetConfig = UNetConfig()
    crop_frames: int = 128
    batch_size: int = 8
    epochs: int = 100
    steps_per_epoch: int = 100
    learning_rate: float = 1e-4
    weight_decay: float = 1e-5
    schedule: str = "constant"
    loss: str = "magnitude_l1"
    early_stopping: float = 0.15
    target: str = "vocals"
    augment: AugmentConfig = AugmentConfig()
    vocals_gain_db: float = 0.0
    bad_songs: str = "refuse"
    memory_mb: int = 2048
    validation_songs: float = 0.1
    validation_crops: int = 64
    seed: int = 0
    minutes: float | None = None

    def __post_init__(self) -> None:
        for key in ("crop_frames", "batch_size", "epochs", "steps_per_epoch", "validation_crops"):
            require_whole(1, **{key: (getattr(self, key),)})
        require_whole(0, seed=(self.seed,))
        require_whole(64, memory_mb=(self.memory_mb,))
        require(bool(self.target.strip()) and self.target != "mixture", f"target must name a stem, not {self.target!r}")
        bad = ("refuse", "skip")
        require(self.bad_songs in bad, f"bad_songs must be {' or '.join(bad)}, not {self.bad_songs!r}")
        require(0 <= self.early_stopping <= 1, f"early_stopping must be in [0, 1], not {self.early_stopping}")
        require(0 < self.validation_songs < 1, f"validation_songs must be between 0 and 1, not {self.validation_songs}")
        require(self.learning_rate > 0, f"learning_rate must be above 0, not {self.learning_rate}")
        require(self.weight_decay >= 0, f"weight_decay must not be negative, not {self.weight_decay}")
        require(abs(self.vocals_gain_db) <= 60, f"vocals_gain_db must be in [-60, 60], not {self.vocals_gain_db}")
        require(self.schedule in ("constant", "cosine"), f"schedule must be constant or cosine, not {self.schedule!r}")
        losses = ("magnitude_l1", "mask_l1")
        require(self.loss in losses, f"loss must be {' or '.join(losses)}, not {self.loss!r}")
        require(
            self.minutes is None or (is_number(self.minutes) and self.minutes > 0),
            f"minutes must be above 0 or null, not {self.minutes!r}",
        )
