"""The table of paired differences: every two systems, song by song."""

from __future__ import annotations

from collections.abc import Sequence

from spleeter_bench.aggregate import Summaries
from spleeter_bench.report.cells import MISSING, decibels, interval, probability
from spleeter_bench.report.table import TITLES, Table
from spleeter_bench.statistics import TIE_DB

EXPLANATION = (
    "Difference is first minus second, mean over the songs both were scored on, with its 95 % bootstrap interval. "
    f"Wins, ties and losses are songs; a tie is less than {TIE_DB:g} dB.",
    "p is that of the two-sided Wilcoxon signed-rank test; p (Holm) is corrected for testing all pairs of a metric.",
)


def make_pairs_table(summaries: Summaries, metrics: Sequence[str]) -> Table | None:
    """One row per metric and pair of systems; None where no two systems share a scored song."""
    rows = []
    for metric in metrics:
        for pair in summaries.pairs(metric):
            paired = pair.paired
            rows.append(
                (
                    pair.first,
                    pair.second,
                    TITLES.get(metric, metric),
                    decibels(paired.mean) + (f"\n{interval(paired.interval)}" if paired.interval else ""),
                    f"{paired.wins}/{paired.ties}/{paired.losses}",
                    MISSING if paired.songs < 2 else probability(paired.p_value),
                    MISSING if paired.songs < 2 else probability(pair.corrected),
                )
            )
    if not rows:
        return None
    columns = ("First", "Second", "Metric", "Difference\n(dB)", "Wins/ties/\nlosses", "p", "p\n(Holm)")
    return Table(f"{summaries.target.capitalize()}: paired differences", columns, tuple(rows), EXPLANATION)
