"""What is done to training examples, and how often."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

from vocal_unet.config.base import Config, is_number, require, require_whole


@dataclass(frozen=True)
class AugmentConfig(Config):
    """What is done to training examples, each with its own probability; 0 switches it off.

    Which sounds meet: `cross_mixing` takes target and accompaniment from different songs; `stem_mixing` takes the
    accompaniment's stems from two songs; `stem_dropout` leaves out each stem of it, but never all; `second_target` lets another
    target sound along at `second_target_db`; `active_crops` draws the place again, a few times, where little is heard, and
    strings together recordings that are shorter than a crop; `rest_only` silences the target, `target_only` all else.

    Per song: `pitch_shift` by up to `pitch_semitones` (by resampling: tempo and formants move along), `time_stretch` by a factor
    between the two of `stretch_factors` (pitch stays).

    Per stem: `gain` by up to ± `gain_db`; `channel_swap`; `polarity`.

    To the target: `formant_shift` by up to `formant_semitones` (pitch stays); `harmony`, one or two voices at other intervals.

    To the target, and to one or two sums of the accompaniment's stems: `equaliser` with shelves and a peak of up to
    ± `equaliser_db`; `resonance`, one or two narrow peaks of `resonance_db`; `compression`; `soft_clip` driven by
    `soft_clip_db` above full scale; `band_limit` to what a telephone, a high-pass or a low-pass leaves; `doubling` by detuned
    copies left and right; `echo`; `reverb` of `reverb_seconds` (to -60 dB) at `reverb_db` against the dry sound; `stereo` width
    and place.

    Per example: `balance` brings the target to `balance_db` against the rest, and `loudness` the mixture to `loudness_db`
    against full scale, all measured where they sound; `bandwidth` cuts both above a frequency, as low bit rates do; `noise` adds
    white noise of `noise_db` against the mixture, to the mixture only; `time_mask` and `frequency_mask` silence up to
    `time_mask_frames` frames and `frequency_mask_bins` bins; `silence` silences everything before or after a place, as
    songs begin and end.

    Per batch: `remixes`, how often the accompaniments are handed on from each example to the next, for networks that learn faster
    than examples are made. Of `batch_size` examples one in 1 + `remixes` is made anew; each target comes that often.
    """

    cross_mixing: float = 0.5
    stem_mixing: float = 0.0
    stem_dropout: float = 0.0
    second_target: float = 0.0
    second_target_db: tuple[float, ...] = (-12.0, 0.0)
    active_crops: float = 0.0
    rest_only: float = 0.0
    target_only: float = 0.0
    pitch_shift: float = 0.0
    pitch_semitones: float = 3.0
    time_stretch: float = 0.0
    stretch_factors: tuple[float, ...] = (0.85, 1.15)
    formant_shift: float = 0.0
    formant_semitones: float = 4.0
    harmony: float = 0.0
    equaliser: float = 0.0
    equaliser_db: float = 8.0
    resonance: float = 0.0
    resonance_db: tuple[float, ...] = (6.0, 18.0)
    compression: float = 0.0
    soft_clip: float = 0.0
    soft_clip_db: tuple[float, ...] = (0.0, 9.0)
    band_limit: float = 0.0
    doubling: float = 0.0
    echo: float = 0.0
    reverb: float = 0.0
    reverb_seconds: tuple[float, ...] = (0.2, 1.5)
    reverb_db: tuple[float, ...] = (-20.0, -6.0)
    stereo: float = 0.0
    gain: float = 1.0
    gain_db: float = 6.0
    channel_swap: float = 0.5
    polarity: float = 0.5
    balance: float = 0.0
    balance_db: tuple[float, ...] = (-15.0, 6.0)
    loudness: float = 0.0
    loudness_db: tuple[float, ...] = (-30.0, -10.0)
    bandwidth: float = 0.0
    noise: float = 0.5
    noise_db: tuple[float, ...] = (-60.0, -30.0)
    time_mask: float = 0.0
    time_mask_frames: int = 16
    frequency_mask: float = 0.0
    frequency_mask_bins: int = 64
    silence: float = 0.0
    remixes: int = 0

    NONE: ClassVar[AugmentConfig]
    PAPER: ClassVar[AugmentConfig]
    STRONG: ClassVar[AugmentConfig]
    PRODUCTION: ClassVar[AugmentConfig]

    def __post_init__(self) -> None:
        for key in AUGMENTATIONS:
            value = getattr(self, key)
            require(0 <= value <= 1, f"{key} is a probability and must be in [0, 1], not {value}")
        for key in ("gain_db", "equaliser_db"):
            require(0 <= getattr(self, key) <= 60, f"{key} must be in [0, 60] dB, not {getattr(self, key)}")
        for key in ("pitch_semitones", "formant_semitones"):
            require(0 <= getattr(self, key) <= 12, f"{key} must be in [0, 12], not {getattr(self, key)}")
        for key, least, most in (
            ("noise_db", -200, 60), ("reverb_db", -200, 20), ("soft_clip_db", -60, 60), ("stretch_factors", 0.5, 2),
            ("reverb_seconds", 0.01, 10), ("second_target_db", -60, 20), ("balance_db", -60, 60),
            ("loudness_db", -100, 0), ("resonance_db", 0, 40),
        ):  # fmt: skip
            pair = getattr(self, key)
            require(
                len(pair) == 2 and all(map(is_number, pair)) and least <= pair[0] <= pair[1] <= most,
                f"{key} must be two numbers in [{least}, {most}], the lower first, not {pair}",
            )
        require_whole(0, remixes=(self.remixes,))
        require_whole(1, time_mask_frames=(self.time_mask_frames,))
        require_whole(1, frequency_mask_bins=(self.frequency_mask_bins,))


AUGMENTATIONS = (
    "cross_mixing", "stem_mixing", "stem_dropout", "second_target", "active_crops", "rest_only", "target_only", "pitch_shift",
    "time_stretch", "formant_shift", "harmony", "equaliser", "resonance", "compression", "soft_clip", "band_limit", "doubling",
    "echo", "reverb", "stereo", "gain", "channel_swap", "polarity", "balance", "loudness", "bandwidth", "noise", "time_mask",
    "frequency_mask", "silence",
)  # fmt: skip
"""The fields of `AugmentConfig` that are probabilities."""

_SILENT: dict[str, Any] = dict.fromkeys(AUGMENTATIONS, 0.0)
AugmentConfig.NONE = AugmentConfig(**_SILENT)
AugmentConfig.PAPER = dataclasses.replace(AugmentConfig.NONE, cross_mixing=0.5, noise=0.5)
AugmentConfig.STRONG = AugmentConfig(
    pitch_shift=0.4, time_stretch=0.2, equaliser=0.3, reverb=0.15, soft_clip=0.1, time_mask=0.1, frequency_mask=0.1
)
# Few voices and few songs are to become many: whatever a studio may have done to either.
AugmentConfig.PRODUCTION = AugmentConfig(
    cross_mixing=0.9,
    stem_mixing=0.3,
    stem_dropout=0.15,
    second_target=0.1,
    active_crops=0.9,
    rest_only=0.08,
    target_only=0.04,
    pitch_shift=0.6,
    pitch_semitones=5.0,
    time_stretch=0.15,
    formant_shift=0.4,
    harmony=0.12,
    equaliser=0.4,
    equaliser_db=10.0,
    compression=0.25,
    soft_clip=0.15,
    soft_clip_db=(0.0, 18.0),
    band_limit=0.12,
    doubling=0.15,
    echo=0.15,
    reverb=0.25,
    reverb_seconds=(0.2, 2.5),
    reverb_db=(-20.0, -3.0),
    stereo=0.4,
    balance=0.9,
    loudness=0.9,
    bandwidth=0.15,
    noise=0.1,
    noise_db=(-70.0, -40.0),
)
