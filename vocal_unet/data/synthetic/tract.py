"""The vocal tract of a generated voice: vowels as resonances, consonants as bands of noise."""

from __future__ import annotations

import numpy as np

from vocal_unet.data.synthetic import dsp

VOWELS = np.array(
    [
        # Hz; the first three formants of male speakers in Peterson and Barney (1952)
        (730, 1090, 2440),
        (660, 1720, 2410),
        (530, 1840, 2480),
        (390, 1990, 2550),
        (270, 2290, 3010),
        (570, 840, 2410),
        (440, 1020, 2240),
        (300, 870, 2240),
        (640, 1190, 2390),
        (490, 1350, 1690),
    ],
    float,
)
NASALS = np.array([(280, 1000, 2200), (280, 1400, 2500), (280, 1900, 2700)], float)
"""Hz; about m, n and ng: a low murmur."""


def formant_gains(sample_rate: int, formants: np.ndarray, tract: float, bandwidth: float, ring: float) -> np.ndarray:
    """Spectral envelope of the tract, `(frames, bins)`: resonances in parallel over a floor that stands for the higher poles.

    Args:
        sample_rate: Hz.
        formants: the first three formants in Hz, `(frames, 3)`.
        tract: what the higher formants are multiplied by.
        bandwidth: factor of all bandwidths.
        ring: the singer's formant around 3 kHz, in dB.
    """
    frequency = dsp.frequencies(sample_rate)
    gains = np.full((len(formants), len(frequency)), 0.03, np.float32)
    for index, strength in enumerate((1.0, 0.6, 0.3)):
        centre = formants[:, index, None].astype(np.float32)
        width = np.float32((60 + 40 * index) * bandwidth) + np.float32(0.04) * centre
        gains += np.float32(strength) / (1 + ((frequency - centre) / width) ** 2)
    upper = np.array([2900.0, 3700.0, 4900.0]) * tract
    for centre, strength in zip(upper, (0.1 * 10 ** (ring / 20), 0.15, 0.1), strict=True):
        gains += (strength / (1 + ((frequency - centre) / (0.1 * centre * bandwidth)) ** 2)).astype(np.float32)
    return gains


def hiss_gains(sample_rate: int, centre: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Band of a consonant's noise around `centre` Hz, `width` octaves wide, both `(frames,)`: `(frames, bins)`."""
    octaves = np.log2(np.maximum(dsp.frequencies(sample_rate), 50)) - np.log2(centre)[:, None].astype(np.float32)
    return np.exp(-2 * (octaves / width[:, None].astype(np.float32)) ** 2)
