"""Pitch and time: resampling and WSOLA, on all stems of a song at once, so that they stay together."""

from __future__ import annotations

import numpy as np
from scipy.fft import irfft, rfft

from vocal_unet.data.effects import middle

MARGIN = 1024
"""Samples on either side that resampling by Fourier transform may spoil, because it takes the ends for neighbours."""
_SMOOTH_BITS = 20
_SMOOTH: np.ndarray = np.ones(1, np.int64)
for _prime in (2, 3, 5, 7, 11):
    _SMOOTH = np.outer(_SMOOTH, _prime ** np.arange(_SMOOTH_BITS)).ravel()
    _SMOOTH = _SMOOTH[(_SMOOTH > 0) & (_SMOOTH <= 1 << _SMOOTH_BITS)]
_SMOOTH = np.unique(_SMOOTH[_SMOOTH % 2 == 0])
WINDOW, SEARCH = 2048, 512
HOP = WINDOW // 2
_ROUGH = 4


def resampling_lengths(samples: int, semitones: float) -> tuple[int, int]:
    """How many samples `shift_pitch` takes, and how many it makes before its margins are dropped.

    Both have no prime factor above 11, for a fast transform; among such lengths the pair nearest to the wanted pitch is
    chosen, for a crop of three seconds within some hundredths of a semitone.
    """
    ratio = 2 ** (semitones / 12)
    least = samples + 2 * MARGIN
    made = _smooth_lengths(least, round(1.02 * least) + 64)
    taken = _smooth_lengths(int(ratio * least / 1.02), round(1.04 * ratio * least) + 128)
    errors = np.abs(np.log(taken[:, None] / made) - np.log(ratio))
    row, column = np.unravel_index(np.argmin(errors), errors.shape)
    return int(taken[row]), int(made[column])


def _smooth_lengths(least: int, most: int) -> np.ndarray:
    """Even lengths from `least` to `most` whose prime factors are at most 11 (those above a million: a few of them)."""
    step = 1 << max(0, most.bit_length() - _SMOOTH_BITS)
    first, last = np.searchsorted(_SMOOTH, [-(-least // step), most // step + 1])
    return _SMOOTH[first:last] * step


def shift_pitch(stems: np.ndarray, samples: int, semitones: float) -> np.ndarray:
    """Play faster or slower, as a tape does: pitch, tempo and formants move together.

    Args:
        stems: float32 `(stems, resampling_lengths(samples, semitones)[0], channels)`.
        samples: length of the result.
        semitones: upwards, or downwards below 0.

    Returns:
        float32 `(stems, samples, channels)`.
    """
    taken, made = resampling_lengths(samples, semitones)
    spectrum = rfft(stems, axis=1)[:, : made // 2 + 1]
    result = irfft(spectrum, made, axis=1)[:, MARGIN : MARGIN + samples]
    return (result * (made / taken)).astype(np.float32)


def stretching_length(samples: int, factor: float) -> int:
    """How many samples `stretch_time` takes to make `samples`."""
    return int(np.ceil((samples + WINDOW) / factor)) + WINDOW + 2 * SEARCH + HOP


def stretch_time(stems: np.ndarray, samples: int, factor: float) -> np.ndarray:
    """Longer or shorter by `factor` at the same pitch.

    WSOLA (Verhelst and Roelands, 1993): windows are taken where they continue the waveform made so far best, within ± 12 ms
    of where they belong. The places are found on the sum of all stems and used for each, so the sum of the stretched stems
    is the stretched sum.

    Args:
        stems: float32 `(stems, stretching_length(samples, factor), channels)`.
        samples: length of the result.
        factor: above 1 is slower.

    Returns:
        float32 `(stems, samples, channels)`.
    """
    guide = middle(stems.sum(axis=0))
    rough = guide[: len(guide) // _ROUGH * _ROUGH].reshape(-1, _ROUGH).mean(axis=1)
    energy = np.concatenate([[0.0], np.cumsum(guide.astype(np.float64) ** 2)])
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)[:, None]
    count = -(-samples // HOP) + 1
    result = np.zeros((len(stems), (count + 1) * HOP, stems.shape[2]), np.float32)
    place = SEARCH
    for frame in range(count):
        if frame:
            place = _best_place(guide, rough, energy, place + HOP, SEARCH + round(frame * HOP / factor))
        result[:, frame * HOP : frame * HOP + WINDOW] += stems[:, place : place + WINDOW] * window
    return result[:, HOP : HOP + samples]


def transpose(stems: np.ndarray, semitones: float) -> np.ndarray:
    """Another pitch at the same tempo: stretched, then played faster or slower. Formants move along.

    Args:
        stems: float32 `(stems, samples, channels)`.
        semitones: upwards, or downwards below 0.

    Returns:
        float32 of the same shape. Events may move by the 12 ms of `stretch_time`; near the end there may be silence.
    """
    samples = stems.shape[1]
    taken, _ = resampling_lengths(samples, semitones)
    factor = 2 ** (semitones / 12)
    needed = stretching_length(taken, factor)
    before = SEARCH + HOP + MARGIN  # what both leave out at the start
    padded = np.zeros((len(stems), max(needed, before + samples), stems.shape[2]), np.float32)
    padded[:, before : before + samples] = stems
    return shift_pitch(stretch_time(padded, taken, factor), samples, semitones)


def _best_place(guide: np.ndarray, rough: np.ndarray, energy: np.ndarray, natural: int, wanted: int) -> int:
    """Where, within `SEARCH` of `wanted`, the signal resembles most what follows at `natural`.

    First to the nearest `_ROUGH` samples on averages over as many, then to the sample.

    Args:
        guide: the signal.
        rough: its averages over `_ROUGH` samples.
        energy: sum of the squares of all samples before each.
        natural: sample the last window would go on at.
        wanted: sample that belongs here.
    """
    low, start = -(-(wanted - SEARCH) // _ROUGH), natural // _ROUGH
    choices, length = 2 * SEARCH // _ROUGH, WINDOW // _ROUGH
    likeness = np.correlate(rough[low : low + choices + length - 1], rough[start : start + length])
    first = _ROUGH * low
    strength = (
        energy[first + WINDOW : first + WINDOW + 2 * SEARCH : _ROUGH] - energy[first : first + 2 * SEARCH : _ROUGH]
    )
    near = first + natural % _ROUGH + _ROUGH * int(np.argmax(likeness / np.sqrt(strength + 1e-9)))
    first, last = max(near - _ROUGH, wanted - SEARCH), min(near + _ROUGH, wanted + SEARCH)
    likeness = np.correlate(guide[first : last + WINDOW], guide[natural : natural + WINDOW])
    strength = energy[first + WINDOW : last + WINDOW + 1] - energy[first : last + 1]
    return first + int(np.argmax(likeness / np.sqrt(strength + 1e-9)))
