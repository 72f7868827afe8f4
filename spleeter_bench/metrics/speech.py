"""PESQ and STOI for speech work, computed by their own libraries (the extra `speech`)."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from types import ModuleType

import numpy as np
import scipy.signal

from spleeter_bench.errors import MetricError
from spleeter_bench.metrics.guards import check_pair, silent_channels

PESQ_RATES = {"wb": 16000, "nb": 8000}
"""Hz that ITU-T P.862.2 (wide band) and P.862 (narrow band) are defined at."""


def pesq(*, reference: np.ndarray, estimate: np.ndarray, sample_rate: int, band: str = "wb") -> float:
    """Perceptual evaluation of speech quality as MOS-LQO, about 1 (bad) to 4.64, the mean over channels.

    ITU-T P.862.2 (`band="wb"`) or P.862 with P.862.1 (`"nb"`), by the package pesq, after resampling to 16 or 8 kHz.
    Made for a few seconds of speech; on singing it is a number without a calibration. A channel whose reference is
    silent is left out.

    Args:
        reference: real `(samples, channels)`.
        estimate: real `(samples, channels)`.
        sample_rate: Hz.
        band: "wb" or "nb".

    Raises:
        MetricError: the package is missing, the signals cannot be compared (`guards.check_pair`), no such band, or
            PESQ finds no speech in them.
    """
    if band not in PESQ_RATES:
        raise MetricError(f"PESQ has no band {band!r}; use wb or nb")
    library = _library("pesq")
    rate = PESQ_RATES[band]

    def one(true: np.ndarray, guess: np.ndarray) -> float:
        try:
            return float(library.pesq(rate, true, guess, band))
        except library.PesqError as error:
            reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
            raise MetricError(f"PESQ could not compare the signals: {reason}") from error

    return _mean_over_channels(one, reference, estimate, sample_rate, rate)


def stoi(*, reference: np.ndarray, estimate: np.ndarray, sample_rate: int, extended: bool = False) -> float:
    """Short-time objective intelligibility, 0 to 1 (and slightly below 0), the mean over channels.

    Taal et al., "An algorithm for intelligibility prediction of time-frequency weighted noisy speech", 2011; `extended`
    is ESTOI (Jensen and Taal, 2016). By the package pystoi, which resamples to 10 kHz. Arguments, silence and errors
    as `pesq`; less than half a second of sound cannot be compared.
    """
    library = _library("pystoi")

    def one(true: np.ndarray, guess: np.ndarray) -> float:
        value = float(library.stoi(true, guess, sample_rate, extended))
        # the library's answer, with no more than a warning, where less than 30 frames are left without the silence
        if value == 1e-5 or not math.isfinite(value):
            raise MetricError("STOI needs about half a second that is not silent")
        return value

    return _mean_over_channels(one, reference, estimate, sample_rate, sample_rate)


def _library(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise MetricError(
            f"the package {name} is missing; run: pip install 'vocal-unet[speech]' (pesq needs a C compiler)"
        ) from None


def _mean_over_channels(
    metric: Callable[[np.ndarray, np.ndarray], float],
    reference: np.ndarray,
    estimate: np.ndarray,
    sample_rate: int,
    rate: int,
) -> float:
    """The metric of every channel with a reference, after resampling from `sample_rate` to `rate`."""
    reference, estimate = check_pair(reference=reference, estimate=estimate)
    heard = ~silent_channels(reference)
    common = math.gcd(sample_rate, rate)
    true, guess = (
        signal if sample_rate == rate else scipy.signal.resample_poly(signal, rate // common, sample_rate // common)
        for signal in (reference[:, heard], estimate[:, heard])
    )
    return float(np.mean([metric(true[:, c], guess[:, c]) for c in range(true.shape[1])]))
