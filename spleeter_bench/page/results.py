"""What the page says of a run's scores: rows that sort, values for the charts, pairs of systems in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from spleeter_bench.aggregate import MEDIAN_METRICS, Summaries, Summary
from spleeter_bench.report import PAPER_METRICS, TITLES, Column, Table, known_metrics, make_table
from spleeter_bench.report.cells import decibels, interval, memory, probability
from spleeter_bench.statistics import Paired

HEADLINE = (*PAPER_METRICS, "sdr")


@dataclass(frozen=True)
class Cell:
    """A table cell: its text, a smaller line below, and what it sorts by (None goes last)."""

    text: str
    small: str
    order: float | None


@dataclass(frozen=True)
class Row:
    """One system of the headline table."""

    system: str
    disclosure: tuple[str, ...]
    """What is known of its weights and training data."""
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Bar:
    """One system's cost."""

    system: str
    percent: float
    text: str


def headline(summaries: Summaries, ratings: Column | None) -> tuple[Table, tuple[Row, ...]]:
    """The table of the paper's metrics, SDR and listeners' ratings, and its rows with numbers to sort by."""
    known = known_metrics(summaries)
    metrics = [metric for metric in HEADLINE if metric in known] or list(PAPER_METRICS)
    table = make_table(summaries, metrics, beside=ratings)
    rows = []
    for summary, texts in zip(summaries.systems, table.rows, strict=True):
        orders = [_value(summary, metric) for metric in metrics]
        orders += [ratings.values.get(summary.system)] if ratings else []
        orders += [summary.real_time_factor, summary.peak_memory, summary.scored]
        cells = []
        for text, order in zip(texts[1:], orders, strict=True):
            large, _, small = text.partition("\n")
            cells.append(Cell(large, small, order))
        rows.append(Row(summary.system, disclosure(summary), tuple(cells)))
    return table, tuple(rows)


def disclosure(summary: Summary) -> tuple[str, ...]:
    """One sentence per different weights, and what sets their training data apart."""
    return (*summary.weights, *(f"† trained on {text}" for text in summary.trained_on))


def titles(summaries: Summaries) -> dict[str, str]:
    """Metric -> how the field writes it."""
    return {metric: TITLES.get(metric, metric) for metric in known_metrics(summaries)}


def values(summaries: Summaries) -> dict[str, list[list[float | None]]]:
    """Metric -> per system -> per song of the run, rounded to what is printed; None where there is no score."""
    found = {}
    for metric in known_metrics(summaries):
        by_system = [
            dict(zip(summary.songs, summary.values.get(metric, ()), strict=False)) for summary in summaries.systems
        ]
        found[metric] = [
            [None if (value := scores.get(song)) is None else round(value, 2) for song in summaries.tracks]
            for scores in by_system
        ]
    return found


def pairs(summaries: Summaries) -> dict[str, dict[str, str]]:
    """Metric -> "first second" (places in `summaries.systems`) -> the comparison in one line, both ways round."""
    places = {summary.system: number for number, summary in enumerate(summaries.systems)}
    found: dict[str, dict[str, str]] = {}
    for metric in known_metrics(summaries):
        texts = found[metric] = {}
        for pair in summaries.pairs(metric):
            first, second, paired = places[pair.first], places[pair.second], pair.paired
            low, high = paired.interval or (0.0, 0.0)
            turned = replace(
                paired,
                mean=-paired.mean,
                interval=(-high, -low) if paired.interval else None,
                wins=paired.losses,
                losses=paired.wins,
            )
            texts[f"{first} {second}"] = _in_words(paired, pair.corrected)
            texts[f"{second} {first}"] = _in_words(turned, pair.corrected)
    return found


def first_pair(summaries: Summaries) -> tuple[int, int]:
    """The comparison to show first: a model of ours and Spleeter where both have scores, else the last two that have."""
    scored = [place for place, summary in enumerate(summaries.systems) if summary.scored] or [0]
    names = {place: summaries.systems[place].system for place in scored}
    ours = [place for place in scored if names[place].startswith(("vocal-unet:", "savedmodel:"))]
    theirs = [place for place in scored if "spleeter:" in names[place]]
    if ours and theirs:
        return ours[0], theirs[0]
    first = ours[0] if ours else scored[-1]
    return first, next((place for place in reversed(scored) if place != first), first)


def speed_bars(summaries: Summaries) -> list[Bar]:
    """Seconds of separation per minute of music."""
    factors = {summary.system: summary.real_time_factor for summary in summaries.systems}
    return _bars(factors, lambda factor: f"{60 * factor:.1f} s" if factor >= 0.001 else "< 0.1 s")


def memory_bars(summaries: Summaries) -> list[Bar]:
    """Peak memory."""
    return _bars({summary.system: summary.peak_memory for summary in summaries.systems}, lambda peak: memory(int(peak)))


def _bars(numbers: Mapping[str, float | None], text: Callable[[float], str]) -> list[Bar]:
    most = max((number for number in numbers.values() if number), default=1)
    return [
        Bar(system, round(100 * number / most, 2), text(number))
        for system, number in numbers.items()
        if number is not None
    ]


def _value(summary: Summary, metric: str) -> float | None:
    return (summary.median if metric in MEDIAN_METRICS else summary.mean).get(metric)


def _in_words(paired: Paired, corrected: float | None) -> str:
    parts = [f"mean difference {decibels(paired.mean)} dB"]
    if paired.interval:
        parts.append(f"95 % interval {interval(paired.interval)}")
    parts.append(f"{paired.wins} songs better, {paired.ties} equal, {paired.losses} worse")
    if paired.songs > 1:
        parts.append(f"p = {probability(corrected)} (Wilcoxon, Holm)".replace("= <", "<"))
    return "; ".join(parts)
