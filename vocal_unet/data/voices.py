"""What makes another singer of a voice, or several: formants moved without the pitch, harmonies; pure functions."""

from __future__ import annotations

import numpy as np

from vocal_unet.data.production import place, same_energy
from vocal_unet.data.synthetic import dsp
from vocal_unet.data.warp import transpose

_SMOOTHING = 9
"""Bins of 43 Hz that a spectral envelope is averaged over, twice: wider than most voices' partials lie apart."""
_MOST_DB = 20.0


def shift_formants(stem: np.ndarray, semitones: float) -> np.ndarray:
    """Move the spectral envelope along the frequency axis while pitch and tempo stay: a longer or shorter vocal tract.

    Each frame of 23 ms is multiplied by the ratio of its moved to its own smoothed spectrum, the same in all channels, by
    at most 20 dB; the energy stays.

    Args:
        stem: float32 `(samples, channels)`.
        semitones: upwards (a smaller head), or downwards below 0.

    Returns:
        float32 `(samples, channels)`.
    """
    if not stem.any():
        return stem
    frames = [dsp.spectra(channel) for channel in stem.T]
    power = np.stack([frame.real**2 + frame.imag**2 for frame in frames]).sum(axis=0)
    # Between magnitudes, whose peaks would hide what lies beside them, and logarithms, which the gaps between partials rule.
    roots = np.sqrt(np.sqrt(power))
    envelope = 4 * np.log(_smoothed(_smoothed(roots)) + 0.003 * roots.max())
    bins = np.arange(envelope.shape[1])
    source = np.minimum(bins / 2 ** (semitones / 12), len(bins) - 1)
    below = np.minimum(source.astype(int), len(bins) - 2)
    share = (source - below).astype(np.float32)
    moved = envelope[:, below] * (1 - share) + envelope[:, below + 1] * share
    most = np.float32(_MOST_DB / 10 * np.log(10))
    gains = np.exp(np.clip(moved - envelope, -most, most) / 2)
    heard = np.stack([dsp.from_spectra(frame * gains, len(stem)) for frame in frames], axis=1)
    return same_energy(stem, heard)


def _smoothed(power: np.ndarray) -> np.ndarray:
    """Average over `_SMOOTHING` bins, `(frames, bins)`."""
    half = _SMOOTHING // 2
    sums = np.cumsum(np.pad(power, ((0, 0), (half + 1, half)), mode="edge"), axis=1, dtype=np.float64)
    return ((sums[:, _SMOOTHING:] - sums[:, :-_SMOOTHING]) / _SMOOTHING).astype(np.float32)


def harmonise(stem: np.ndarray, semitones: float, decibels: float, position: float) -> np.ndarray:
    """Add the same voice at another pitch, as backing singers do.

    Args:
        stem: float32 `(samples, 2)`.
        semitones: interval of the second voice.
        decibels: its level against the first.
        position: where it stands, from -1 (left) to 1 (right).

    Returns:
        float32 `(samples, 2)`.
    """
    second = place(transpose(stem[None], semitones)[0], position)
    return stem + second * np.float32(10 ** (decibels / 20))
