"""Every metric of one estimate at once, with flags for numbers that should not be believed unseen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from spleeter_bench.metrics.guards import check_pair, silent_channels
from spleeter_bench.metrics.ratios import snr, usdr
from spleeter_bench.metrics.scale_invariant import si_sdr, si_snr

METRICS: Mapping[str, Callable[..., float]] = {"si_snr": si_snr, "si_sdr": si_sdr, "snr": snr, "usdr": usdr}
"""Name in records -> function of keyword-only `reference=`, `estimate=`, in dB."""

IMPROVEMENTS: Mapping[str, str] = {"si_sdr_improvement": "si_sdr", "sdr_improvement": "usdr"}
"""Name in records -> the metric whose gain over the unprocessed mixture it is: SI-SDRi and SDRi of the literature."""

SUSPECT_DB = 60.0
MEAN_GAP_DB = 0.5

SUSPECT = f"above {SUSPECT_DB:g} dB: too good to be a separation"
MEAN_GAP = f"SI-SNR and SI-SDR differ by {MEAN_GAP_DB:g} dB or more: a signal has a constant offset"
SILENT_ESTIMATE = "the estimate is silent in at least one channel"
SILENT_REFERENCE_CHANNEL = "the reference is silent in some channels, which are left out"


@dataclass(frozen=True)
class Scores:
    """Metric values in dB by name, all finite, and what is odd about them in words."""

    values: Mapping[str, float]
    flags: tuple[str, ...] = ()
    frames: Mapping[str, np.ndarray] = field(default_factory=dict)
    """BSSEval metric -> float64 `(frames,)`, NaN and infinite where museval's are; empty where it was not computed."""


def score(*, reference: np.ndarray, estimate: np.ndarray, mixture: np.ndarray | None = None) -> Scores:
    """All `METRICS` of one stem; all arrays real `(samples, channels)`.

    With the `mixture` the values also hold `IMPROVEMENTS`: the metric of the estimate minus that of the unprocessed
    mixture, both against the same reference.

    Raises:
        MetricError: the signals cannot be compared; see `guards.check_pair`.
    """
    # once for all metrics, which copy nothing that is so already
    reference, estimate = check_pair(reference=reference, estimate=estimate)
    values = {name: metric(reference=reference, estimate=estimate) for name, metric in METRICS.items()}
    flags = []
    if max(values.values()) > SUSPECT_DB:
        flags.append(SUSPECT)
    if abs(values["si_snr"] - values["si_sdr"]) >= MEAN_GAP_DB:
        flags.append(MEAN_GAP)
    if silent_channels(estimate).any():
        flags.append(SILENT_ESTIMATE)
    if silent_channels(reference).any():
        flags.append(SILENT_REFERENCE_CHANNEL)
    if mixture is not None:
        _, mixture = check_pair(reference=reference, estimate=mixture)
        for name, metric in IMPROVEMENTS.items():
            values[name] = values[metric] - METRICS[metric](reference=reference, estimate=mixture)
    return Scores(values, tuple(flags))
