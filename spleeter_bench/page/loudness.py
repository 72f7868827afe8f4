"""Loudness as people hear it (ITU-R BS.1770-4), so that nobody takes the louder system for the better one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import signal

BLOCK_SECONDS = 0.4
OVERLAP = 0.75
ABSOLUTE_GATE = -70.0
RELATIVE_GATE = -10.0
OFFSET = -0.691

PEAK = 0.98
"""No matched track goes beyond this."""
HIGHEST_TARGET = -20.0
"""LUFS; what is mastered quietly is not blown up further than this."""
MOST_GAIN_DB = 40.0
"""A nearly silent estimate would come back as amplified rounding noise."""


def loudness(waveform: np.ndarray, sample_rate: int) -> float:
    """Integrated, gated loudness of `(samples, channels)` in LUFS, mono or stereo; -inf where nothing passes the gate.

    A waveform shorter than one block of 0.4 s counts as one block.
    """
    weighted = waveform.astype(np.float64)
    for b, a in k_weighting(sample_rate):
        weighted = signal.lfilter(b, a, weighted, axis=0)
    block = min(len(weighted), round(BLOCK_SECONDS * sample_rate))
    hop = max(1, round(block * (1 - OVERLAP)))
    energy = np.concatenate([[0.0], np.cumsum(np.sum(weighted**2, axis=1))])
    starts = np.arange(0, len(weighted) - block + 1, hop)
    power = (energy[starts + block] - energy[starts]) / block
    heard = power[_level(power) > ABSOLUTE_GATE]
    if not heard.size:
        return -np.inf
    heard = heard[_level(heard) > _level(heard.mean()) + RELATIVE_GATE]
    return float(_level(heard.mean()))


def matching_gains(waveforms: Sequence[np.ndarray], sample_rate: int) -> list[float]:
    """Factors that bring waveforms `(samples, channels)` to one loudness, the highest at which none of them clips.

    What is silent keeps its level, and no factor is more than `MOST_GAIN_DB`.
    """
    levels = [loudness(waveform, sample_rate) for waveform in waveforms]
    peaks = [float(np.abs(waveform).max(initial=0.0)) for waveform in waveforms]
    rooms = [
        level + 20 * np.log10(PEAK / peak) for level, peak in zip(levels, peaks, strict=True) if np.isfinite(level)
    ]
    target = min([HIGHEST_TARGET, *rooms])
    return [float(10 ** (min(target - level, MOST_GAIN_DB) / 20)) if np.isfinite(level) else 1.0 for level in levels]


def k_weighting(sample_rate: int) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """The two filters of BS.1770 as `(b, a)`: the head's high shelf, then the high pass, for any sample rate."""
    # the standard gives coefficients for 48 kHz; these are the analogue prototypes behind them
    gain, shelf, quality = 3.999843853973347, 1681.974450955533, 0.7071752369554196
    k = np.tan(np.pi * min(shelf, 0.45 * sample_rate) / sample_rate)
    high = 10 ** (gain / 20)
    band = high**0.4996667741545416
    a0 = 1 + k / quality + k * k
    shelf_b = np.array([high + band * k / quality + k * k, 2 * (k * k - high), high - band * k / quality + k * k]) / a0
    shelf_a = np.array([1, 2 * (k * k - 1) / a0, (1 - k / quality + k * k) / a0])
    cut, quality = 38.13547087602444, 0.5003270373238773
    k = np.tan(np.pi * cut / sample_rate)
    a0 = 1 + k / quality + k * k
    pass_a = np.array([1, 2 * (k * k - 1) / a0, (1 - k / quality + k * k) / a0])
    return (shelf_b, shelf_a), (np.array([1.0, -2.0, 1.0]), pass_a)


def _level(power: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return OFFSET + 10 * np.log10(power)
