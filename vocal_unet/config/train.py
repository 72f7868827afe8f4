"""How a network is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vocal_unet.config.augment import AugmentConfig
from vocal_unet.config.base import Config, is_number, require, require_whole
from vocal_unet.config.framing import Framing
from vocal_unet.config.networks import CoarseConfig, SpleeterNetworkConfig, UNetConfig

ARCHITECTURES = ("unet", "spleeter", "coarse")
LOSS_NAMES = ("magnitude_l1", "mask_l1", "spectral_error", "spectral_snr", "cell_cross_entropy")
PHASE_SENSITIVE = ("spectral_error", "spectral_snr")
"""Losses that compare with the target's part in phase with the mixture, not with its magnitude."""
SCHEDULES = ("constant", "cosine", "exponential")
MONITORS = ("val_loss", "val_si_sdr")


@dataclass(frozen=True)
class TrainConfig(Config):
    """How a network is trained; the defaults are the paper's settings where it states them (§3).

    Network. `arch`: `unet`, the paper's, set up by `unet`; `spleeter`, Spleeter's with two stems, set up by `spleeter`; or
    `coarse`, a coarse mask from a wide view, set up by `coarse`, which a U-Net can be joined with (`unet.veto_db`).
    `target`: the stem it learns; all others of a song are its accompaniment.

    Examples. `crop_frames`: their length; the trained weights serve segments of any length. `augment`: see `AugmentConfig`.
    `vocals_gain_db`: the target is made this much louder on top, in validation too. Vocals are quieter than the rest, so a
    mask that lets nothing through is a local minimum of L1, which a short training does not leave by itself.
    `bad_songs`: `refuse` to train when a song cannot be used, or `skip` it and say so. `memory_mb`: decoded songs wait in at
    most this much memory; where they do not fit, they take turns.

    Optimizer: AdamW. `learning_rate`; `schedule`: `constant`, `cosine` down to zero or `exponential` down to a hundredth, the
    last two after a short warm-up; `weight_decay`; `clip_norm`: longest gradient, 0 does not clip; `ema`: momentum of the
    weights' moving average, which is what is validated and kept, 0 keeps the weights themselves. `loss`: one of
    `LOSS_NAMES`, see `vocal_unet.losses`. `missed_weight`: target that is missing counts so many times what is there too much;
    above 1 a network hears out voices that it does not know. `mixed_precision`: bfloat16 on a CPU, float16 on a GPU.
    `deterministic`: the same bits every time, slower.

    Length. `epochs` of `steps_per_epoch` batches. `early_stopping`: share of the epochs `monitor` may fail to improve before
    training ends; 0 never stops. `minutes`: training ends after this time even if epochs are left, and the schedule is
    stretched to it; None: no limit.

    Validation. `validation_songs`: share of the songs that is kept for it. `validation_excerpts`: whole segments taken from
    them. `monitor`: what picks the best epoch, `val_loss` or `val_si_sdr`. `profile`: first and last step to profile for
    TensorBoard; (0, 0) does not.
    """

    framing: Framing = Framing.SPLEETER
    arch: str = "unet"
    unet: UNetConfig = UNetConfig()
    spleeter: SpleeterNetworkConfig = SpleeterNetworkConfig()
    coarse: CoarseConfig = CoarseConfig()
    target: str = "vocals"
    crop_frames: int = 128
    augment: AugmentConfig = AugmentConfig()
    vocals_gain_db: float = 0.0
    bad_songs: str = "refuse"
    memory_mb: int = 2048
    batch_size: int = 8
    learning_rate: float = 1e-4
    schedule: str = "constant"
    weight_decay: float = 1e-5
    clip_norm: float = 0.0
    ema: float = 0.0
    loss: str = "magnitude_l1"
    missed_weight: float = 1.0
    mixed_precision: bool = False
    deterministic: bool = False
    epochs: int = 100
    steps_per_epoch: int = 100
    early_stopping: float = 0.15
    minutes: float | None = None
    validation_songs: float = 0.1
    validation_excerpts: int = 16
    monitor: str = "val_loss"
    profile: tuple[int, ...] = (0, 0)
    seed: int = 0

    @property
    def phase_sensitive(self) -> bool:
        """Whether the loss compares with the target's part in phase with the mixture, not with its magnitude."""
        return self.loss in PHASE_SENSITIVE

    def __post_init__(self) -> None:
        for key in ("crop_frames", "batch_size", "epochs", "steps_per_epoch", "validation_excerpts"):
            require_whole(1, **{key: (getattr(self, key),)})
        require_whole(0, seed=(self.seed,), profile=self.profile)
        require(
            len(self.profile) == 2 and self.profile[0] <= self.profile[1],
            f"profile must be a first and a last step, not {self.profile}",
        )
        require_whole(64, memory_mb=(self.memory_mb,))
        require(bool(self.target.strip()) and self.target != "mixture", f"target must name a stem, not {self.target!r}")
        for key, choices in (
            ("arch", ARCHITECTURES), ("bad_songs", ("refuse", "skip")), ("schedule", SCHEDULES), ("loss", LOSS_NAMES),
            ("monitor", MONITORS),
        ):  # fmt: skip
            value = getattr(self, key)
            require(value in choices, f"{key} must be {' or '.join(choices)}, not {value!r}")
        require(
            self.arch != "spleeter" or self.loss != "mask_l1",
            f"loss must not be {self.loss!r} for arch spleeter, which draws no masks of its own",
        )
        require(
            (self.arch == "coarse") == (self.loss == "cell_cross_entropy"),
            f"loss must {'' if self.arch == 'coarse' else 'not '}be 'cell_cross_entropy' for arch {self.arch}",
        )
        made = 1 + self.augment.remixes
        require(
            self.batch_size % made == 0,
            f"batch_size must be a multiple of {made} (1 + augment.remixes), not {self.batch_size}",
        )
        require(0 <= self.early_stopping <= 1, f"early_stopping must be in [0, 1], not {self.early_stopping}")
        require(0 < self.validation_songs < 1, f"validation_songs must be between 0 and 1, not {self.validation_songs}")
        for key in ("learning_rate", "missed_weight"):
            require(0 < getattr(self, key) < math.inf, f"{key} must be above 0 and finite, not {getattr(self, key)}")
        for key in ("weight_decay", "clip_norm"):
            require(
                0 <= getattr(self, key) < math.inf, f"{key} must be finite and not negative, not {getattr(self, key)}"
            )
        require(0 <= self.ema < 1, f"ema must be in [0, 1), not {self.ema}")
        require(abs(self.vocals_gain_db) <= 60, f"vocals_gain_db must be in [-60, 60], not {self.vocals_gain_db}")
        require(
            self.minutes is None or (is_number(self.minutes) and 0 < self.minutes < math.inf),
            f"minutes must be above 0 and finite, or null, not {self.minutes!r}",
        )
        multiple = 64 if self.arch == "spleeter" else 1
        require(
            self.crop_frames % multiple == 0 and self.framing.segment_frames % multiple == 0,
            f"crop_frames must be a multiple of {multiple} for arch {self.arch}, not {self.crop_frames}",
        )
