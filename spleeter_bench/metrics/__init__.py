"""Scores, in NumPy: keyword-only `reference=` and `estimate=`, guarded against numbers that mean nothing."""

from spleeter_bench.metrics.bsseval import BSSEval
from spleeter_bench.metrics.guards import check_pair, silent_channels
from spleeter_bench.metrics.ratios import snr, usdr
from spleeter_bench.metrics.scale_invariant import si_sdr, si_snr
from spleeter_bench.metrics.score import METRICS, Scores, score
from spleeter_bench.metrics.song import score_song

__all__ = [
    "METRICS",
    "BSSEval",
    "Scores",
    "check_pair",
    "score",
    "score_song",
    "si_sdr",
    "si_snr",
    "silent_channels",
    "snr",
    "usdr",
]
