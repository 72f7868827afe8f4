"""Where dots, boxes and lines of the page's charts go: numbers to percent of a width, ticks at round numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from spleeter_bench.aggregate import Summaries
from spleeter_bench.plan import Song

MARGIN = 0.04
"""Share of the range left free at both ends, so that no dot is cut in half."""


@dataclass(frozen=True)
class Axis:
    """A linear scale."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def place(self, value: float) -> float:
        """Percent from the low end."""
        return round(100 * (value - self.low) / (self.high - self.low), 2)

    @property
    def labels(self) -> tuple[tuple[float, str], ...]:
        """(percent, text) of every tick, with a proper minus sign."""
        return tuple((self.place(tick), f"{tick:g}".replace("-", "−")) for tick in self.ticks)


def axis(values: Iterable[float], *, ticks: int = 6, margin: float = MARGIN) -> Axis:
    """The scale that holds all finite values, with about as many round ticks."""
    found = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(found), max(found)
    room = (high - low) * margin if high > low else 1.0
    low, high = low - room, high + room
    rough = (high - low) / ticks
    magnitude = 10 ** math.floor(math.log10(rough))
    step = next(factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude >= rough)
    numbers = range(math.ceil(low / step), math.floor(high / step) + 1)
    return Axis(low, high, tuple(round(number * step, 10) for number in numbers))


@dataclass(frozen=True)
class Dot:
    """One song."""

    x: float
    """Percent."""
    y: float
    """Percent of the row's height."""
    song: int
    """Index into the run's songs."""
    value: float


@dataclass(frozen=True)
class StripRow:
    """One system: its songs as dots, their quartiles as a box."""

    system: str
    dots: tuple[Dot, ...]
    box: tuple[float, float, float] | None
    """First quartile, median, third quartile in percent; None for fewer than 4 songs."""
    median: float | None


@dataclass(frozen=True)
class Strip:
    """One metric of all systems."""

    metric: str
    axis: Axis
    rows: tuple[StripRow, ...]


def strip(summaries: Summaries, metric: str) -> Strip:
    """Dots keep the height of their song in every row, so that they can be followed from system to system."""
    places = {song: number for number, song in enumerate(summaries.tracks)}
    scale = axis(value for summary in summaries.systems for value in summary.values.get(metric, ()))
    rows = []
    for summary in summaries.systems:
        values = summary.values.get(metric, ())
        quartiles = np.percentile(values, [25, 50, 75]) if len(values) >= 4 else None
        rows.append(
            StripRow(
                system=summary.system,
                dots=tuple(
                    Dot(scale.place(value), _height(song, places), places[song], value)
                    for song, value in zip(summary.songs, values, strict=False)
                ),
                box=None if quartiles is None else tuple(scale.place(value) for value in quartiles),  # type: ignore[arg-type]
                median=summary.median.get(metric),
            )
        )
    return Strip(metric, scale, tuple(rows))


def _height(song: Song, places: dict[Song, int]) -> float:
    """Percent; the golden ratio spreads neighbours apart whatever their number."""
    return round(22 + 56 * ((places[song] + 1) * 0.6180339887 % 1), 1) if len(places) > 1 else 50.0


def polyline(values: Sequence[float], scale: Axis, seconds: float) -> list[str]:
    """One value per second as SVG paths in a box of 100 by 100; a gap where there is no value.

    Args:
        values: dB per frame of one second; NaN where museval has none.
        scale: of the dB.
        seconds: length of the song, which is the width.
    """
    paths: list[list[str]] = [[]]
    for number, value in enumerate(values):
        if math.isfinite(value):
            x = min(100.0, 100 * (number + 0.5) / seconds)
            paths[-1].append(f"{x:.2f},{100 - scale.place(value):.2f}")
        elif paths[-1]:
            paths.append([])
    return [" ".join(path) for path in paths if path]
