"""Scores, in NumPy: keyword-only `reference=` and `estimate=`, guarded against numbers that mean nothing."""

from spleeter_bench.metrics.guards import check_pair, silent_channels
from spleeter_bench.metrics.scale_invariant import si_sdr, si_snr
from spleeter_bench.metrics.score import METRICS, Scores, score

__all__ = ["METRICS", "Scores", "check_pair", "score", "si_sdr", "si_snr", "silent_channels"]
