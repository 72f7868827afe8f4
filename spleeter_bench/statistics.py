"""How sure a mean over songs is, and whether two systems differ: bootstrap intervals and paired tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

RESAMPLES = 10_000
CONFIDENCE = 0.95
SEED = 0
"""The intervals of one set of numbers are always the same, and those of two systems use the same resampled songs."""

TIE_DB = 0.005
"""Two scores closer than this print as the same hundredth of a decibel, and nobody hears it."""

Statistic = Callable[..., np.ndarray]

Interval = tuple[float, float]


def bootstrap_interval(values: Sequence[float], statistic: Statistic = np.mean) -> Interval | None:
    """95 % percentile bootstrap interval (Efron 1979) over songs; None for fewer than two.

    Args:
        values: one per song, in an order that does not change from run to run.
        statistic: `np.mean` or `np.median`, called with `axis=1` on `(resamples, songs)`.
    """
    if len(values) < 2:
        return None
    picks = np.random.default_rng(SEED).integers(len(values), size=(RESAMPLES, len(values)))
    resampled = statistic(np.asarray(values, np.float64)[picks], axis=1)
    low, high = np.quantile(resampled, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


@dataclass(frozen=True)
class Paired:
    """Differences `first − second` over the songs both were scored on."""

    songs: int
    mean: float
    """dB."""
    interval: Interval | None
    wins: int
    """Songs on which the first is better by `TIE_DB` or more."""
    ties: int
    losses: int
    p_value: float | None
    """Two-sided Wilcoxon signed-rank test; None where no song tells the two apart."""


def compare(first: Sequence[float], second: Sequence[float]) -> Paired:
    """Compare two systems song by song; values in the same order of songs."""
    differences = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    told_apart = differences[differences != 0]
    wins, losses = int(np.sum(differences >= TIE_DB)), int(np.sum(differences <= -TIE_DB))
    return Paired(
        songs=len(differences),
        mean=float(differences.mean()),
        interval=bootstrap_interval(list(differences)),
        wins=wins,
        ties=len(differences) - wins - losses,
        losses=losses,
        p_value=float(stats.wilcoxon(told_apart).pvalue) if told_apart.size else None,
    )


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """p-values corrected for testing several pairs at once (Holm 1979); None stays None."""
    order = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, place) in enumerate(order):
        highest = max(highest, min(1.0, p * (len(order) - rank)))
        corrected[place] = highest
    return corrected
