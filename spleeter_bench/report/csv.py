"""Tables as CSV for further computing: full precision, every metric, one line per system or per pair."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from spleeter_bench.aggregate import Summaries, Summary
from spleeter_bench.report.table import known_metrics

COST_COLUMNS = ("real_time_factor_median", "load_seconds_median", "peak_memory_bytes", "jobs")
STATISTICS = ("mean", "mean_low", "mean_high", "median", "median_low", "median_high")


def render_csv(summaries: Summaries, *, cost: bool = True) -> str:
    """A header line, then one line per system; an empty cell is "not measured". `low`, `high`: 95 % intervals."""
    metrics = known_metrics(summaries)
    columns = (
        "system",
        "target",
        "tracks",
        "scored",
        *(f"{metric}_{statistic}_db" for metric in metrics for statistic in STATISTICS),
        *(COST_COLUMNS if cost else ()),
        "weights",
        "trained_on",
        "unavailable",
        "failed",
        "failed_tracks",
        "flags",
    )
    return _render(columns, [_line(summary, summaries, metrics) for summary in summaries.systems])


def render_pairs_csv(summaries: Summaries) -> str:
    """A header line, then one line per metric and pair of systems."""
    columns = (
        "metric",
        "first",
        "second",
        "songs",
        "mean_difference_db",
        "low_db",
        "high_db",
        "wins",
        "ties",
        "losses",
        "p_wilcoxon",
        "p_holm",
    )
    lines = []
    for metric in known_metrics(summaries):
        for pair in summaries.pairs(metric):
            low, high = pair.paired.interval or (None, None)
            numbers = (pair.paired.songs, pair.paired.mean, low, high)
            counts = (pair.paired.wins, pair.paired.ties, pair.paired.losses, pair.paired.p_value, pair.corrected)
            lines.append(dict(zip(columns, (metric, pair.first, pair.second, *numbers, *counts), strict=True)))
    return _render(columns, lines)


def _line(summary: Summary, summaries: Summaries, metrics: Sequence[str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for metric in metrics:
        mean = (summary.mean.get(metric), *summary.mean_interval.get(metric, (None, None)))
        median = (summary.median.get(metric), *summary.median_interval.get(metric, (None, None)))
        values.update(zip((f"{metric}_{name}_db" for name in STATISTICS), (*mean, *median), strict=True))
    return {
        "system": summary.system,
        "target": summaries.target,
        "tracks": len(summaries.tracks),
        "scored": summary.scored,
        **values,
        "real_time_factor_median": summary.real_time_factor,
        "load_seconds_median": summary.load_seconds,
        "peak_memory_bytes": summary.peak_memory,
        "jobs": summary.jobs,
        "weights": "; ".join(summary.weights),
        "trained_on": "; ".join(summary.trained_on),
        "unavailable": "; ".join(summary.unavailable),
        "failed": "; ".join(summary.failed),
        "failed_tracks": "; ".join(song for songs in summary.failed.values() for song in songs),
        "flags": "; ".join(summary.flags),
    }


def _render(columns: Sequence[str], lines: Sequence[Mapping[str, object]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for line in lines:
        writer.writerow({name: "" if value is None else value for name, value in line.items()})
    return out.getvalue()
