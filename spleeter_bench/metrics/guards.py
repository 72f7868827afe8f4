"""What two signals must look like before any metric compares them; each rule stands for a published mistake."""

from __future__ import annotations

import numpy as np

from spleeter_bench.errors import MetricError

SILENCE_RMS = 1e-6
"""Root mean square about the mean (full scale = 1, so −120 dBFS) under which a channel counts as silent."""

LARGEST = 1e100
"""Samples from here on are no audio, and their squares would overflow float64."""


LIMIT_DB = 100.0
"""Metrics of a whole song stay within ± this, so a perfect or a silent estimate is a number and not an infinity.

16-bit audio carries 98 dB, so nothing real comes near it.
"""


def check_waveform(name: str, signal: np.ndarray) -> np.ndarray:
    """Check one waveform `(samples, channels)` of any real dtype; returns it as an array, not copied.

    Raises:
        MetricError: not a real `(samples, channels)` array, empty, time not the longest axis, or samples that are NaN,
            infinite or absurdly large.
    """
    signal = np.asarray(signal)
    if signal.dtype.kind not in "fiu":
        raise MetricError(f"the {name} holds {signal.dtype} values, not real samples")
    if signal.ndim != 2:
        raise MetricError(f"the {name} has shape {signal.shape}; expected (samples, channels)")
    if signal.size == 0:
        raise MetricError(f"the {name} is empty: shape {signal.shape}")
    if signal.shape[0] <= signal.shape[1]:
        raise MetricError(
            f"the {name} has shape {signal.shape}: time must be the first and the longest axis, (samples, channels)"
        )
    # the extremes carry NaN and infinity, and need no copy of a long song
    if not (float(signal.min()) > -LARGEST and float(signal.max()) < LARGEST):
        broken = np.count_nonzero(~(np.abs(signal.astype(np.float64)) < LARGEST))
        raise MetricError(f"the {name} has {broken} samples that are NaN, infinite or beyond {LARGEST:g}")
    return signal


def check_pair(*, reference: np.ndarray, estimate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Check two waveforms `(samples, channels)` of any real dtype; returns both as `float64` with each channel in one piece.

    What is so already is returned itself, not copied.

    Time must be the longest axis: a metric that reduces over channels instead of time gives numbers that look splendid
    (a stereo pair minus its mean is always collinear with any other).

    Raises:
        MetricError: not two real `(samples, channels)` arrays, empty, time not the longest axis, different lengths or
            channels, NaN or infinite samples, or a reference that is silent in every channel.
    """
    # with each channel in one piece the sums over time that follow are three times as fast
    checked_reference = check_waveform("reference", reference).astype(np.float64, order="F", copy=False)
    checked_estimate = check_waveform("estimate", estimate).astype(np.float64, order="F", copy=False)
    if checked_reference.shape[1] != checked_estimate.shape[1]:
        raise MetricError(
            f"the reference has {checked_reference.shape[1]} channels, the estimate {checked_estimate.shape[1]}"
        )
    if checked_reference.shape[0] != checked_estimate.shape[0]:
        raise MetricError(
            f"the reference has {checked_reference.shape[0]} samples, the estimate {checked_estimate.shape[0]}"
        )
    if silent_channels(checked_reference).all():
        raise MetricError("the reference is silent in every channel: no ratio to it is defined")
    return checked_reference, checked_estimate


def silent_channels(signal: np.ndarray) -> np.ndarray:
    """Which channels of `(samples, channels)` are silent: bool `(channels,)`. A constant offset alone is silence."""
    return np.array([np.std(np.ascontiguousarray(channel), dtype=np.float64) for channel in signal.T]) < SILENCE_RMS
