"""SI-SDR (Le Roux et al., "SDR - half-baked or well done?", ICASSP 2019) with its zero-mean sibling SI-SNR."""

from __future__ import annotations

import numpy as np

from spleeter_bench.metrics.guards import LIMIT_DB, check_pair, silent_channels


def si_sdr(*, reference: np.ndarray, estimate: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio in dB, the mean over channels; the mean of a signal is not removed.

    Per channel, with `s` the reference and `e` the estimate (equation 4 of the paper):
    `10 log10(|a s|² / |a s − e|²)`, `a = <e, s> / <s, s>`. Equal to torchmetrics and fast_bss_eval at their defaults
    within `±LIMIT_DB`. A channel whose reference is silent has no ratio and is left out of the mean; a channel whose
    estimate is silent (see `guards.SILENCE_RMS`) counts as `-LIMIT_DB`. Computed in float64; never NaN.

    Args:
        reference: real `(samples, channels)`.
        estimate: real `(samples, channels)`.

    Raises:
        MetricError: the two cannot be compared; see `guards.check_pair`.
    """
    reference, estimate = check_pair(reference=reference, estimate=estimate)
    return _mean_projection_ratio(reference, estimate)


def si_snr(*, reference: np.ndarray, estimate: np.ndarray) -> float:
    """Scale-invariant signal-to-noise ratio in dB: SI-SDR of the two signals after removing each channel's mean.

    This is "centred and normalised, then SI-SNR": the normalising step (unit norm or unit RMS) is left out because the
    projection is invariant to the gain of either signal, so it cannot change the result. Equal to torchmetrics'
    `scale_invariant_signal_noise_ratio` and to fast_bss_eval with `zero_mean=True`. Audio has next to no mean, so
    SI-SNR and SI-SDR of the same pair differ by hundredths of a dB. Arguments, silence and errors as `si_sdr`.
    """
    reference, estimate = check_pair(reference=reference, estimate=estimate)
    return _mean_projection_ratio(reference - reference.mean(axis=0), estimate - estimate.mean(axis=0))


def _mean_projection_ratio(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Mean over the channels with a reference; both float64 `(samples, channels)`, checked."""
    heard = ~silent_channels(reference)
    if not heard.all():
        reference, estimate = reference[:, heard], estimate[:, heard]
    gain = np.sum(reference * estimate, axis=0) / np.sum(reference**2, axis=0)
    target = gain * reference
    signal = np.sum(target**2, axis=0)
    noise = np.sum((target - estimate) ** 2, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = 10 * np.log10(signal / noise)
    # 0/0 is only reached by an estimate of zeros, which the silence rule overrules
    ratio = np.where(silent_channels(estimate), -LIMIT_DB, ratio)
    return float(np.mean(np.clip(ratio, -LIMIT_DB, LIMIT_DB)))
