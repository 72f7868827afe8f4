"""What is done to training examples, and how often."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

from vocal_unet.config.base import Config, is_number, require, require_whole


@dataclass(frozen=True)
class AugmentConfig(Config):
    """What is done to training examples, each with its own probability; 0 switches it off.

    Per song: `pitch_shift` by up to `pitch_semitones` (by resampling: tempo and formants move along), `time_stretch` by a factor
    between the two of `stretch_factors` (pitch stays). Per stem: `gain` by up to ± `gain_db`; `channel_swap`; `polarity`;
    `equaliser` with shelves and a peak of up to ± `equaliser_db`; `reverb` of `reverb_seconds` (to -60 dB) at `reverb_db` against
    the dry sound; `soft_clip` driven by `soft_clip_db` above full scale. Per example: `cross_mixing` takes target and
    accompaniment from different songs; `noise` adds white noise of `noise_db` against the mixture, to the mixture only;
    `time_mask` and `frequency_mask` silence up to `time_mask_frames` frames and `frequency_mask_bins` bins.
    """

    cross_mixing: float = 0.5
    gain: float = 1.0
    gain_db: float = 6.0
    channel_swap: float = 0.5
    polarity: float = 0.5
    noise: float = 0.5
    noise_db: tuple[float, ...] = (-60.0, -30.0)
    pitch_shift: float = 0.0
    pitch_semitones: float = 3.0
    time_stretch: float = 0.0
    stretch_factors: tuple[float, ...] = (0.85, 1.15)
    equaliser: float = 0.0
    equaliser_db: float = 8.0
    reverb: float = 0.0
    reverb_seconds: tuple[float, ...] = (0.2, 1.5)
    reverb_db: tuple[float, ...] = (-20.0, -6.0)
    soft_clip: float = 0.0
    soft_clip_db: tuple[float, ...] = (0.0, 9.0)
    time_mask: float = 0.0
    time_mask_frames: int = 16
    frequency_mask: float = 0.0
    frequency_mask_bins: int = 64

    NONE: ClassVar[AugmentConfig]
    PAPER: ClassVar[AugmentConfig]
    STRONG: ClassVar[AugmentConfig]

    def __post_init__(self) -> None:
        for key in AUGMENTATIONS:
            value = getattr(self, key)
            require(0 <= value <= 1, f"{key} is a probability and must be in [0, 1], not {value}")
        for key in ("gain_db", "equaliser_db"):
            require(0 <= getattr(self, key) <= 60, f"{key} must be in [0, 60] dB, not {getattr(self, key)}")
        require(0 <= self.pitch_semitones <= 12, f"pitch_semitones must be in [0, 12], not {self.pitch_semitones}")
        for key, least, most in (
            ("noise_db", -200, 60), ("reverb_db", -200, 20), ("soft_clip_db", -60, 60), ("stretch_factors", 0.5, 2),
            ("reverb_seconds", 0.01, 10),
        ):  # fmt: skip
            pair = getattr(self, key)
            require(
                len(pair) == 2 and all(map(is_number, pair)) and least <= pair[0] <= pair[1] <= most,
                f"{key} must be two numbers in [{least}, {most}], the lower first, not {pair}",
            )
        require_whole(1, time_mask_frames=(self.time_mask_frames,))
        require_whole(1, frequency_mask_bins=(self.frequency_mask_bins,))


AUGMENTATIONS = (
    "cross_mixing", "gain", "channel_swap", "polarity", "noise", "pitch_shift", "time_stretch",
    "equaliser", "reverb", "soft_clip", "time_mask", "frequency_mask",
)  # fmt: skip
"""The fields of `AugmentConfig` that are probabilities."""

_SILENT: dict[str, Any] = dict.fromkeys(AUGMENTATIONS, 0.0)
AugmentConfig.NONE = AugmentConfig(**_SILENT)
AugmentConfig.PAPER = dataclasses.replace(AugmentConfig.NONE, cross_mixing=0.5, noise=0.5)
AugmentConfig.STRONG = AugmentConfig(
    pitch_shift=0.4, time_stretch=0.2, equaliser=0.3, reverb=0.15, soft_clip=0.1, time_mask=0.1, frequency_mask=0.1
)
