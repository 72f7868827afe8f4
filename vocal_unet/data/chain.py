"""Everything that is done to a stem, in the order of a mixing desk, each with its probability."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vocal_unet.config import AugmentConfig
from vocal_unet.data import effects, production
from vocal_unet.data.levels import active_level, balance
from vocal_unet.data.voices import harmonise, shift_formants

_INTERVALS = (-12, -9, -8, -5, -4, -3, 3, 4, 5, 7, 8, 9, 12)
"""Semitones that backing singers keep from a lead."""


def augment_target(stem: np.ndarray, augment: AugmentConfig, rng: np.random.Generator) -> np.ndarray:
    """What makes other singers of one: formants, harmonies.

    Args:
        stem: float32 `(samples, channels)`; not changed.
        augment: probabilities and ranges.
        rng: where the numbers come from.
    """
    if rng.random() < augment.formant_shift:
        stem = shift_formants(stem, rng.uniform(-1, 1) * augment.formant_semitones)
    if rng.random() < augment.harmony:
        lead = stem
        for interval in rng.choice(_INTERVALS, int(rng.integers(1, 3)), replace=False):
            second = harmonise(lead, float(interval), rng.uniform(-15, -2), rng.uniform(-1, 1)) - lead
            stem = stem + second
    return stem


def produce(stem: np.ndarray, augment: AugmentConfig, rng: np.random.Generator) -> np.ndarray:
    """What may be done to the target or to a bus of other stems; arguments as those of `augment_target`."""
    if rng.random() < augment.equaliser:
        low, peak, high = rng.uniform(-1, 1, 3) * augment.equaliser_db
        stem = effects.equalise(stem, low, peak, high, peak_hz=_pitch(200, 6000, rng))
    # without it not even a number is drawn: trainings begun before there were resonances go on with the same examples
    if augment.resonance and rng.random() < augment.resonance:
        peaks = [(_pitch(240, 4200, rng), between(augment.resonance_db, rng), rng.uniform(0.1, 0.5)) for _ in range(2)]
        stem = effects.resonate(stem, peaks[: int(rng.integers(1, 3))])
    if rng.random() < augment.compression:
        stem = production.compress(
            stem, rng.uniform(-30, -6), rng.uniform(2, 10), _pitch(0.001, 0.03, rng), _pitch(0.03, 0.5, rng)
        )
    if rng.random() < augment.soft_clip:
        stem = effects.clip_softly(stem, between(augment.soft_clip_db, rng))
    if rng.random() < augment.band_limit:
        stem = _limit_band(stem, rng)
    if rng.random() < augment.doubling:
        stem = production.double(
            stem, rng.uniform(8, 35), rng.uniform(-15, 15), rng.uniform(-12, -1), float(np.sqrt(rng.random()))
        )
    if rng.random() < augment.echo:
        stem = production.echo(
            stem, _pitch(0.07, 0.7, rng), rng.uniform(-18, -5), int(rng.integers(1, 5)), ping_pong=rng.random() < 0.4
        )
    if rng.random() < augment.reverb:
        stem = effects.reverberate(stem, between(augment.reverb_seconds, rng), between(augment.reverb_db, rng), rng)
    if rng.random() < augment.stereo:
        spread = rng.uniform(0.1, 0.8) if rng.random() < 0.4 else 0.0
        stem = production.widen(stem, float(rng.choice([0.0, rng.uniform(0, 1.6)])), spread, rng.uniform(3, 30))
        stem = production.place(stem, rng.uniform(-1, 1) ** 3)
    return stem


def set_fader(stem: np.ndarray, augment: AugmentConfig, rng: np.random.Generator) -> np.ndarray:
    """Gain, channels and polarity of any stem; arguments as those of `augment_target`."""
    if rng.random() < augment.gain:
        stem = effects.apply_gain(stem, rng.uniform(-augment.gain_db, augment.gain_db))
    if rng.random() < augment.channel_swap:
        stem = effects.swap_channels(stem)
    if rng.random() < augment.polarity:
        stem = effects.invert_polarity(stem)
    return stem


def make_buses(stems: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Stems `(stems, samples, channels)` → one or two sums of some of them, `(buses, samples, channels)`.

    Two are enough to sound different; what is done to each takes its time.
    """
    second = rng.random(len(stems)) < 0.5
    return np.stack([stems[bus].sum(axis=0) for bus in (~second, second) if bus.any()])


def mix_levels(stems: np.ndarray, augment: AugmentConfig, rng: np.random.Generator) -> np.ndarray:
    """Bandwidth, balance and loudness of target and rest.

    Args:
        stems: the target and the sum of the rest, float32 `(2, samples, channels)`; not changed.
        augment: probabilities and ranges.
        rng: where the numbers come from.
    """
    if rng.random() < augment.bandwidth:
        # Both at once, so that the mixture is still the sum.
        channels = stems.shape[2]
        both = np.concatenate(list(stems), axis=1)
        both = production.limit_band(both, 0, _pitch(5000, 16_000, rng), rng.uniform(60, 400))
        stems = np.stack([both[:, :channels], both[:, channels:]])
    if rng.random() < augment.balance:
        stems = np.stack([balance(stems[0], stems[1], between(augment.balance_db, rng)), stems[1]])
    if rng.random() < augment.loudness:
        wanted, level = 10 ** (between(augment.loudness_db, rng) / 20), active_level(stems.sum(axis=0))
        stems = stems * np.float32(wanted / level) if level > 1e-5 else stems
    return stems


def between(pair: Sequence[float], rng: np.random.Generator) -> float:
    """A number between two."""
    return float(rng.uniform(pair[0], pair[1]))


def _pitch(low: float, high: float, rng: np.random.Generator) -> float:
    """A number between two, as likely in one octave as in another."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _limit_band(stem: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    low = _pitch(60, 600, rng) if rng.random() < 0.6 else 0.0
    high = _pitch(2500, 14_000, rng) if not low or rng.random() < 0.5 else 1e6
    return production.limit_band(stem, low, high, rng.uniform(12, 60))
