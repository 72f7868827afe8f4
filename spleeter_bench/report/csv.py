"""The comparison as CSV for further computing: full precision, means and medians, one line per system."""

from __future__ import annotations

import csv
import io

from spleeter_bench.aggregate import Summaries

METRICS = ("si_snr", "si_sdr", "si_sdr_improvement")

COLUMNS = (
    "system",
    "target",
    "tracks",
    "scored",
    *(f"{metric}_{statistic}_db" for metric in METRICS for statistic in ("mean", "median")),
    "real_time_factor_median",
    "peak_memory_bytes",
    "weights",
    "unavailable",
    "failed",
    "flags",
)


def render_csv(summaries: Summaries) -> str:
    """A header line, then one line per system; an empty cell is "not measured"."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for summary in summaries.systems:
        values = {
            f"{metric}_{name}_db": statistic.get(metric, "")
            for metric in METRICS
            for name, statistic in (("mean", summary.mean), ("median", summary.median))
        }
        writer.writerow(
            {
                "system": summary.system,
                "target": summaries.target,
                "tracks": len(summaries.tracks),
                "scored": summary.scored,
                **values,
                "real_time_factor_median": _cell(summary.real_time_factor),
                "peak_memory_bytes": _cell(summary.peak_memory),
                "weights": "; ".join(summary.weights),
                "unavailable": "; ".join(summary.unavailable),
                "failed": "; ".join(summary.failed),
                "flags": "; ".join(summary.flags),
            }
        )
    return out.getvalue()


def _cell(value: float | None) -> float | str:
    return "" if value is None else value
