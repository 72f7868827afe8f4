"""What two signals must look like before any metric compares them; each rule stands for a published mistake."""

from __future__ import annotations

import numpy as np

from spleeter_bench.errors import MetricError

SILENCE_RMS = 1e-6
"""Root mean square about the mean (full scale = 1, so −120 dBFS) under which a channel counts as silent."""

LARGEST = 1e100
"""Samples from here on are no audio, and their squares would overflow float64."""


def check_pair(*, reference: np.ndarray, estimate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Check two waveforms `(samples, channels)` of any real dtype; returns both as `float64`, the inputs untouched.

    Time must be the longest axis: a metric that reduces over channels instead of time gives numbers that look splendid
    (a stereo pair minus its mean is always collinear with any other).

    Raises:
        MetricError: not two real `(samples, channels)` arrays, empty, time not the longest axis, different lengths or
            channels, NaN or infinite samples, or a reference that is silent in every channel.
    """
    checked = []
    for name, signal in (("reference", reference), ("estimate", estimate)):
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
        signal = signal.astype(np.float64)
        broken = np.count_nonzero(~(np.abs(signal) < LARGEST))
        if broken:
            raise MetricError(f"the {name} has {broken} samples that are NaN, infinite or beyond {LARGEST:g}")
        checked.append(signal)
    checked_reference, checked_estimate = checked
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
    return np.std(signal, axis=0, dtype=np.float64) < SILENCE_RMS
