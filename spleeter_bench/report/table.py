"""What the comparison table says, in words and numbers, before any format is chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spleeter_bench.aggregate import MEDIAN_METRICS, Summaries, Summary
from spleeter_bench.errors import BenchError
from spleeter_bench.report.cells import MISSING, decibels, interval, memory, seconds, speed
from spleeter_bench.report.notes import DAGGER, notes

PAPER_METRICS = ("si_snr", "si_sdr")
"""The two columns of the paper this project implements."""

TITLES = {
    "si_snr": "SI-SNR",
    "si_sdr": "SI-SDR",
    "si_sdr_improvement": "SI-SDRi",
    "snr": "SNR",
    "usdr": "uSDR",
    "sdr_improvement": "SDRi",
    "sdr": "SDR",
    "isr": "ISR",
    "sir": "SIR",
    "sar": "SAR",
}
"""Metric in records -> how the field writes it, in the order of full tables; others follow under their own name."""

DEFINITIONS = {
    ("si_snr", "si_sdr"): "SI-SDR after Le Roux et al. (2019), per channel over the whole song, then the mean of the "
    "channels; SI-SNR is the same after removing each channel's mean",
    ("usdr",): "uSDR is the ratio of signal to error over the whole song and both channels (MDX challenge)",
    (
        "si_sdr_improvement",
        "sdr_improvement",
    ): "SI-SDRi and SDRi (of uSDR) are improvements over the unprocessed mixture",
    MEDIAN_METRICS: "SDR, ISR, SIR, SAR are BSSEval v4 as museval has it: the median over frames of one second, then "
    "the median over tracks",
}
COST = (
    "RTF is seconds of separation per second of audio, median over tracks, model already loaded "
    "(in brackets: how many times faster than real time). "
    "Peak memory is the highest resident memory of the system's process."
)
LOAD_TIME = "Load time is from the start of the system's process until one second of noise was separated."
MEAN = ", mean over tracks"
INTERVALS = "In brackets: 95 % bootstrap interval over tracks."


@dataclass(frozen=True)
class Table:
    """Text cells; `rows` hold one cell per column, in order. Newlines are where a narrow format may break."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    footnotes: tuple[str, ...]


@dataclass(frozen=True)
class Column:
    """Something beside the metrics that systems have a number of, like listeners' ratings."""

    title: str
    values: Mapping[str, float]
    """System -> number, to sort by."""
    texts: Mapping[str, str]
    """System -> what its cell says."""
    note: str


def make_table(
    summaries: Summaries,
    metrics: Sequence[str] = PAPER_METRICS,
    *,
    cost: bool = True,
    load_time: bool = False,
    beside: Column | None = None,
) -> Table:
    """One row per system, in the order of `summaries`.

    Args:
        summaries: of a run.
        metrics: the columns; BSSEval's show the median over tracks, all others the mean.
        cost: with the columns on speed and memory, which differ from run to run while scores do not.
        load_time: among them how long the system took to start.
        beside: one more column, after the metrics.

    Raises:
        BenchError: no system has such a metric.
    """
    _check(summaries, metrics)
    title = _title(summaries)
    return Table(
        # among others, such columns say themselves that they are medians
        title=title.replace(MEAN, ", median over tracks") if set(metrics) <= set(MEDIAN_METRICS) else title,
        columns=(
            "System",
            *(f"{TITLES.get(metric, metric)}\n(dB{', median' * (metric in MEDIAN_METRICS)})" for metric in metrics),
            *((beside.title,) if beside else ()),
            *(("RTF\n(× real time)", *(("Load\ntime",) if load_time else ()), "Peak\nmemory") if cost else ()),
            "n",
        ),
        rows=tuple(
            _row(summary, len(summaries.tracks), metrics, cost, load_time, beside) for summary in summaries.systems
        ),
        footnotes=(
            _definition(metrics),
            *([INTERVALS] if any(summary.mean_interval for summary in summaries.systems) else []),
            *([beside.note] if beside else []),
            *([COST] if cost else []),
            *([LOAD_TIME] if cost and load_time else []),
            *notes(summaries, metrics, cost),
        ),
    )


def make_full_table(summaries: Summaries) -> Table:
    """One row per system and metric: mean and median over tracks with their intervals, of everything recorded.

    What has to be said of each system stands under `make_table`'s table.
    """
    metrics = known_metrics(summaries)
    return Table(
        title=_title(summaries).removesuffix(MEAN),
        columns=("System", "Metric", "Mean\n(dB)", "Median\n(dB)", "n"),
        rows=tuple(
            (
                _name(summary),
                TITLES.get(metric, metric),
                _with_interval(summary, metric, median=False),
                _with_interval(summary, metric, median=True),
                f"{summary.scored}/{len(summaries.tracks)}",
            )
            for summary in summaries.systems
            for metric in metrics
            if metric in summary.mean or (not summary.mean and metric == metrics[0])
        ),
        footnotes=(_definition(metrics), INTERVALS),
    )


def known_metrics(summaries: Summaries) -> list[str]:
    """The metrics any system has, in the order of `TITLES`."""
    found = dict.fromkeys(metric for summary in summaries.systems for metric in summary.mean)
    return [*(metric for metric in TITLES if metric in found), *(metric for metric in found if metric not in TITLES)]


def _check(summaries: Summaries, metrics: Sequence[str]) -> None:
    known = known_metrics(summaries)
    for metric in metrics:
        if known and metric not in known and metric not in PAPER_METRICS:
            raise BenchError(f"the run holds no metric {metric!r}; it holds {', '.join(known)}")


def _title(summaries: Summaries) -> str:
    datasets = ", ".join(dict.fromkeys(dataset for dataset, _, _ in summaries.tracks))
    if len(summaries.tracks) == 1:
        return f"{summaries.target.capitalize()} of 1 track ({datasets}: {summaries.tracks[0][1]})"
    return f"{summaries.target.capitalize()} of {len(summaries.tracks)} tracks ({datasets}){MEAN}"


def _definition(metrics: Sequence[str]) -> str:
    said = [text for names, text in DEFINITIONS.items() if set(names) & set(metrics)]
    return ". ".join([*said, "Higher is better."])


def _row(
    summary: Summary, tracks: int, metrics: Sequence[str], cost: bool, load_time: bool, beside: Column | None
) -> tuple[str, ...]:
    loading = (seconds(summary.load_seconds),) if load_time else ()
    return (
        _name(summary),
        *(_with_interval(summary, metric, median=metric in MEDIAN_METRICS) for metric in metrics),
        *((beside.texts.get(summary.system, MISSING),) if beside else ()),
        *((speed(summary.real_time_factor), *loading, memory(summary.peak_memory)) if cost else ()),
        f"{summary.scored}/{tracks}",
    )


def _name(summary: Summary) -> str:
    return f"{summary.system} {DAGGER}" if summary.trained_on else summary.system


def _with_interval(summary: Summary, metric: str, *, median: bool) -> str:
    values, intervals = (summary.median, summary.median_interval) if median else (summary.mean, summary.mean_interval)
    if metric not in values:
        return MISSING
    return decibels(values[metric]) + (f"\n{interval(intervals[metric])}" if metric in intervals else "")
