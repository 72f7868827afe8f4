"""SNR per channel, and uSDR of the whole song: ratios that, unlike SI-SDR, hold a wrong gain against the estimate."""

from __future__ import annotations

import numpy as np

from spleeter_bench.metrics.guards import LIMIT_DB, check_pair, silent_channels


def snr(*, reference: np.ndarray, estimate: np.ndarray) -> float:
    """Signal-to-noise ratio in dB, the mean over channels: `10 log10(|s|² / |s − e|²)` per channel.

    Equal to torchmetrics' `signal_noise_ratio` at its defaults (the mean of a signal is not removed) within
    `±LIMIT_DB`. A channel whose reference is silent has no ratio and is left out of the mean. A silent estimate is an
    error as large as the reference: 0 dB. Computed in float64; never NaN.

    Args:
        reference: real `(samples, channels)`.
        estimate: real `(samples, channels)`.

    Raises:
        MetricError: the two cannot be compared; see `guards.check_pair`.
    """
    reference, estimate = check_pair(reference=reference, estimate=estimate)
    heard = ~silent_channels(reference)
    if not heard.all():
        reference, estimate = reference[:, heard], estimate[:, heard]
    return float(np.mean(_decibels(np.sum(reference**2, axis=0), np.sum((reference - estimate) ** 2, axis=0))))


def usdr(*, reference: np.ndarray, estimate: np.ndarray) -> float:
    """Utterance-level SDR in dB of the whole song: `10 log10(Σ s² / Σ (s − e)²)`, sums over samples and channels.

    The ranking metric of the Music Demixing Challenge (Mitsufuji et al., "Music Demixing Challenge 2021", 2022), whose
    guard of 1e-7 against division by zero is replaced by `±LIMIT_DB`; on music the two agree within 1e-6 dB. Arguments
    and errors as `snr`.
    """
    reference, estimate = check_pair(reference=reference, estimate=estimate)
    return float(_decibels(np.sum(reference**2), np.sum((reference - estimate) ** 2)))


def _decibels(signal: np.ndarray, noise: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.clip(10 * np.log10(signal / noise), -LIMIT_DB, LIMIT_DB)
