"""Pictures of a run for papers, with matplotlib: boxes, paired differences, cost, spectrograms, a metric over time."""

from __future__ import annotations

import os
import secrets
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spleeter_bench.aggregate import MEDIAN_METRICS, Summaries
from spleeter_bench.errors import BenchError
from spleeter_bench.page.clips import Excerpts, Heard, choose_starts, columns_of, gather
from spleeter_bench.page.pictures import DIFFERENCE_DB, RANGE_DB
from spleeter_bench.report import TITLES, known_metrics
from spleeter_bench.statistics import compare
from spleeter_bench.tracks import Track
from vocal_unet import log_spectrogram, row_edges

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg", ".pdf")
WIDTH = 7.0
"""Inches: a page of two columns."""
BLUE, ORANGE, GREY = "#0b6b74", "#a63c1d", "0.55"
STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    # text stays text, in fonts that journals take
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    # a dollar sign in a song's title is no formula
    "text.parse_math": False,
}
ROWS = 200
"""Steps of frequency in a printed spectrogram."""


def box(summaries: Summaries, metric: str) -> Figure:
    """One box per system over its songs, every song as a dot."""
    _require(summaries, metric)
    names = [summary.system for summary in summaries.systems if summary.values.get(metric)]
    values = [summary.values[metric] for summary in summaries.systems if summary.values.get(metric)]
    figure, axes = _figure(0.6 + 0.4 * len(names))
    places = np.arange(len(names))[::-1]
    axes.boxplot(
        values,
        positions=places,
        orientation="horizontal",
        widths=0.55,
        showfliers=False,
        medianprops={"color": BLUE, "linewidth": 1.5},
        boxprops={"color": GREY},
        whiskerprops={"color": GREY},
        capprops={"color": GREY},
    )
    for place, numbers in zip(places, values, strict=True):
        scatter = np.random.default_rng(0).uniform(-0.16, 0.16, len(numbers))
        axes.plot(numbers, place + scatter, "o", markersize=2.5, color="0.2", alpha=0.5, markeredgewidth=0)
    axes.set_yticks(places, names)
    axes.set_xlabel(_label(metric))
    axes.grid(axis="x", color="0.92")
    axes.set_axisbelow(True)
    return figure


def paired(summaries: Summaries, metric: str, first: str, second: str) -> Figure:
    """First minus second, song by song, sorted.

    Raises:
        BenchError: no song was scored with both.
    """
    _require(summaries, metric)
    by_system = {
        summary.system: dict(zip(summary.songs, summary.values.get(metric, ()), strict=False))
        for summary in summaries.systems
    }
    shared = [song for song in summaries.tracks if song in by_system[first] and song in by_system[second]]
    if not shared:
        raise BenchError(f"no song was scored with both {first} and {second}")
    statistics = compare([by_system[first][song] for song in shared], [by_system[second][song] for song in shared])
    differences = sorted(by_system[first][song] - by_system[second][song] for song in shared)
    figure, axes = _figure(2.4)
    axes.bar(range(len(shared)), differences, width=0.75, color=[ORANGE if d < 0 else BLUE for d in differences])
    axes.axhline(0, color="0.3", linewidth=0.8)
    axes.axhline(statistics.mean, color="0.3", linewidth=0.8, linestyle=":")
    interval = f", 95 % [{statistics.interval[0]:.2f}, {statistics.interval[1]:.2f}]" if statistics.interval else ""
    numbers = f"mean {statistics.mean:.2f} dB{interval}".replace("-", "−")
    axes.set_title(f"{first} − {second}\n{numbers}", loc="left", fontsize=8, wrap=True)
    axes.set_ylabel(_label(metric))
    axes.set_xlabel("songs, sorted")
    axes.set_xticks([])
    return figure


def cost(summaries: Summaries) -> Figure:
    """Seconds per minute of music and peak memory.

    Raises:
        BenchError: nothing was measured.
    """
    measured = [summary for summary in summaries.systems if summary.real_time_factor is not None]
    if not measured:
        raise BenchError("the run holds no timings")
    figure, (speed, memory) = _figure(0.6 + 0.28 * len(measured), columns=2, sharey=True)
    places = np.arange(len(measured))[::-1]
    seconds = [60 * (summary.real_time_factor or 0) for summary in measured]
    gigabytes = [(summary.peak_memory or 0) / 1e9 for summary in measured]
    for axes, numbers, label in (
        (speed, seconds, "seconds per minute of music"),
        (memory, gigabytes, "peak memory, GB"),
    ):
        bars = axes.barh(places, numbers, height=0.6, color=BLUE)
        axes.bar_label(bars, fmt="%.2g", padding=3, fontsize=7)
        axes.set_xlabel(label)
        axes.margins(x=0.12)
    speed.set_yticks(places, [summary.system for summary in measured])
    memory.tick_params(left=False)
    return figure


def over_time(frames: Mapping[str, Sequence[float]], metric: str, song: str) -> Figure:
    """One value per second and system, as BSSEval gives them.

    Raises:
        BenchError: no system has any.
    """
    if not any(frames.values()):
        raise BenchError(f"no {TITLES.get(metric, metric)} per second of {song}; run without --bsseval none")
    figure, axes = _figure(2.6)
    for system, values in frames.items():
        if not values:
            continue
        axes.plot(np.arange(len(values)) + 0.5, values, linewidth=1, label=system)
    axes.set_xlabel("seconds")
    axes.set_ylabel(f"{TITLES.get(metric, metric)}, dB")
    axes.set_title(song, loc="left", fontsize=8, wrap=True)
    axes.grid(axis="y", color="0.92")
    axes.legend(frameon=False, fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def spectrograms(track: Track, folders: Mapping[str, Path], target: str, excerpts: Excerpts) -> Figure:
    """The paper's figure 2: mixture and reference, then per system estimate, mask and difference, all on one scale.

    Raises:
        BenchError: no system kept its stems of the song.
    """
    audio = track.load()
    length = len(audio.mixture)
    if excerpts.seconds is not None:
        length = min(length, round(excerpts.seconds * track.sample_rate))
    (start,) = choose_starts(audio, target, track.sample_rate, length, 1)
    heard, missing = gather(track, audio, folders, target, start, length)
    if not heard.estimates:
        raise BenchError(f"{track.name}: no system's stems are there; {next(iter(missing.values()), 'no systems')}")
    return _spectrograms(heard, track.sample_rate, start / track.sample_rate)


def _spectrograms(heard: Heard, sample_rate: int, start: float) -> Figure:
    seconds = len(heard.mixture) / sample_rate
    columns = columns_of(len(heard.mixture), sample_rate)

    def level(waveform: np.ndarray) -> np.ndarray:
        return log_spectrogram([waveform], sample_rate, len(waveform), rows=ROWS, columns=columns)

    mixture, reference = level(heard.mixture), level(heard.reference)
    top = float(mixture.max())
    floor = top - RANGE_DB
    levels = {"cmap": "magma", "vmin": -RANGE_DB, "vmax": 0}
    shares = {"cmap": "gray", "vmin": 0, "vmax": 1}
    deviations = {"cmap": "RdBu_r", "vmin": -DIFFERENCE_DB, "vmax": DIFFERENCE_DB}
    figure, grid = _figure(
        1.1 * (1 + len(heard.estimates)), rows=1 + len(heard.estimates), columns=3, sharex=True, sharey=True
    )
    edges = row_edges(sample_rate, ROWS)
    times = start + np.linspace(0, seconds, columns + 1)

    def draw(axes: Axes, picture: np.ndarray, title: str, scale: Mapping[str, Any]) -> Any:
        mesh = axes.pcolormesh(times, edges, picture, rasterized=True, **scale)
        axes.set_title(title, loc="left", fontsize=7, wrap=True)
        return mesh

    draw(grid[0][1], reference - top, "reference", levels)
    shown = [draw(grid[0][0], mixture - top, "mixture", levels)]
    for axes, (system, waveform) in zip(grid[1:], heard.estimates.items(), strict=True):
        estimate = level(waveform)
        share = np.where(mixture > floor, 10 ** (np.minimum(estimate - mixture, 0) / 20), 0)
        difference = np.maximum(estimate, floor) - np.maximum(reference, floor)
        draw(axes[0], estimate - top, system, levels)
        shown[1:] = [draw(axes[1], share, "mask", shares), draw(axes[2], difference, "difference", deviations)]
    grid[0][0].set_yscale("log")
    grid[0][0].set_yticks([hertz for hertz in (100, 1000, 10000) if hertz < edges[-1]])
    grid[0][0].yaxis.set_major_formatter(lambda hertz, _: f"{hertz:g}")
    grid[0][0].minorticks_off()
    for row in grid:
        row[0].set_ylabel("Hz")
    for axes in grid[-1]:
        axes.set_xlabel("seconds")
    grid[0][2].set_axis_off()
    labels = ("level, dB", "mask: share of the mixture", "difference to the reference, dB")
    for place, (mesh, label) in enumerate(zip(shown, labels, strict=True)):
        scale = grid[0][2].inset_axes((0, 0.92 - 0.42 * place, 1, 0.08))
        figure.colorbar(mesh, cax=scale, orientation="horizontal")
        scale.tick_params(labelsize=6, pad=1, length=2)
        scale.set_title(label, loc="left", fontsize=6, pad=2)
    return figure


def save(draw: Callable[[], Figure], path: Path, *, dpi: int = 200) -> None:
    """Draw a picture and write it as PNG, SVG or PDF, whole or not at all.

    Raises:
        BenchError: matplotlib is not installed, the suffix is another, or the file cannot be written.
    """
    if path.suffix.lower() not in FORMATS:
        raise BenchError(f"{path}: pictures are written as {', '.join(FORMATS)}")
    temporary = path.with_name(f".{path.stem[:50]}.{secrets.token_hex(4)}{path.suffix}")
    with _style():
        figure = draw()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(temporary, dpi=dpi)
            os.replace(temporary, path)
        except OSError as error:
            raise BenchError(f"{path}: cannot be written ({error.strerror})") from error
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def _style() -> Iterator[None]:
    try:
        import matplotlib
    except ImportError:
        raise BenchError("pictures need matplotlib; install it with: pip install 'vocal-unet[plot]'") from None
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        # an emoji in a title is drawn as a box; that is no reason to talk
        warnings.filterwarnings("ignore", message=".*Glyph.*missing")
        yield


def _figure(height: float, *, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def _label(metric: str) -> str:
    return f"{TITLES.get(metric, metric)}, dB{' (median over frames)' * (metric in MEDIAN_METRICS)}"


def _require(summaries: Summaries, metric: str) -> None:
    known = known_metrics(summaries)
    if metric not in known:
        raise BenchError(f"the run holds no metric {metric!r}; it holds {', '.join(known) or 'none'}")
