"""Pitch and time: resampling and WSOLA, on all stems of a song at once, so that they stay together."""

from __future__ import annotations

import numpy as np

from vocal_unet.data.effects import fast_length

MARGIN = 1024
"""Samples on either side that resampling by Fourier transform may spoil, because it takes the ends for neighbours."""
STEP = 180
WINDOW, SEARCH = 2048, 512
HOP = WINDOW // 2


def resampling_lengths(samples: int, semitones: float) -> tuple[int, int]:
    """How many samples `shift_pitch` takes, and how many it makes before its margins are dropped.

    Both have small factors, for a fast transform; the pitch is off by at most `STEP / 2` samples in as many as are taken,
    for a crop of three seconds a hundredth of a semitone.
    """
    made = fast_length(samples + 2 * MARGIN)
    return STEP * round(made * 2 ** (semitones / 12) / STEP), made


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
    spectrum = np.fft.rfft(stems, axis=1)[:, : made // 2 + 1]
    result = np.fft.irfft(spectrum, made, axis=1)[:, MARGIN : MARGIN + samples]
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
    guide = stems.sum(axis=0).mean(axis=1)
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)[:, None]
    count = -(-samples // HOP) + 1
    result = np.zeros((len(stems), (count + 1) * HOP, stems.shape[2]), np.float32)
    place = SEARCH
    for frame in range(count):
        if frame:
            place = _best_place(guide, place + HOP, SEARCH + round(frame * HOP / factor))
        result[:, frame * HOP : frame * HOP + WINDOW] += stems[:, place : place + WINDOW] * window
    return result[:, HOP : HOP + samples]


def _best_place(guide: np.ndarray, natural: int, wanted: int) -> int:
    """Where, within `SEARCH` of `wanted`, the signal resembles most what follows at `natural`."""
    template = guide[natural : natural + WINDOW]
    region = guide[wanted - SEARCH : wanted + SEARCH + WINDOW]
    size = WINDOW + 2 * SEARCH + WINDOW
    likeness = np.fft.irfft(np.fft.rfft(region, size) * np.conj(np.fft.rfft(template, size)), size)[: 2 * SEARCH + 1]
    energy = np.concatenate([[0.0], np.cumsum(region.astype(np.float64) ** 2)])
    return wanted - SEARCH + int(np.argmax(likeness / np.sqrt(energy[WINDOW:] - energy[:-WINDOW] + 1e-9)))
