"""The figures of a speed run as a table and as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spleeter_bench.report.table import Table
from spleeter_bench.speed.contestants import NAMES, ORIGINAL
from spleeter_bench.speed.results import SpeedRun, Timing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABELS = {
    "original": "original Spleeter 2.4.2",
    "keras": "vocal-unet separate",
    "savedmodel": "our SavedModel",
    "onnx": "our ONNX, ONNX Runtime",
}
COLUMNS = (
    "Audio", "System", "Process (s)", "CPU (s)", "× original", "Loaded (s)", "× original", "RTF", "Load (s)", "Peak memory",
)  # fmt: skip


def make_table(run: SpeedRun) -> Table:
    """One row per song and contestant."""
    footnotes = [
        "Process: from the start of the command to the files written. Loaded: the second song of a loaded system, array to "
        "arrays; RTF is that per second of audio. × original: how many times as fast as the original on the same song.",
        f"Model {run.model}, weights: {run.weights}. {run.machine['cpu']}, {run.machine['cpu_count']} processors.",
    ]
    if floor := run.floor:
        footnotes.append(
            f"The network takes {1000 * floor.network_seconds:.0f} ms per segment of {floor.segment_seconds:.1f} s, "
            f"{floor.network_seconds / floor.seconds:.2f}× the floor: {floor.operations / 1e9:.1f} billion operations at "
            f"{floor.matmul_rate / 1e9:.0f} billion per second, the best large float32 matrix product here."
        )
        if floor.onnx_seconds is not None:
            footnotes.append(f"ONNX Runtime takes {1000 * floor.onnx_seconds:.0f} ms for the same network.")
    footnotes += [f"{LABELS[t.contestant]}, {_length(t.audio_seconds)}: {t.note}." for t in run.timings if t.note]
    rows = tuple(_row(run, timing) for timing in run.timings)
    return Table("Speed and memory", COLUMNS, rows, tuple(footnotes))


def draw(run: SpeedRun) -> Figure:
    """Time and memory against the length of the song."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 2.9), layout="constrained")
    panels = figure.subplots(1, 2)
    for name in NAMES:
        known = [t for t in run.timings if t.contestant == name and t.seconds is not None and t.songs == 1]
        if not known:
            continue
        minutes = [t.audio_seconds / 60 for t in known]
        style = {
            "marker": "o",
            "markersize": 3.5,
            "color": "#a63c1d" if name == ORIGINAL else None,
            "label": LABELS[name],
        }
        panels[0].plot(minutes, [t.seconds or 0 for t in known], **style)
        panels[1].plot(minutes, [(t.peak_memory or 0) / 1e9 for t in known], **style)
    for panel, title in zip(panels, ("whole process (s)", "peak memory (GB)"), strict=True):
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_xlabel("length of the song (min)")
        panel.set_ylabel(title)
        panel.grid(color="0.92")
    panels[0].legend(fontsize=7, frameon=False)
    return figure


def _row(run: SpeedRun, timing: Timing) -> tuple[str, ...]:
    original = run.find(ORIGINAL, timing.audio_seconds) if timing.songs == 1 else None
    steady = timing.steady_seconds
    return (
        _length(timing.audio_seconds) + (f", {timing.songs} songs" if timing.songs > 1 else ""),
        LABELS[timing.contestant],
        _number(timing.seconds),
        _number(timing.cpu_seconds),
        _ratio(original.seconds if original else None, timing.seconds),
        _number(steady),
        _ratio(original.steady_seconds if original else None, steady),
        "–" if steady is None else f"{steady / timing.audio_seconds:.4f}",
        _number(timing.load_seconds),
        "–" if timing.peak_memory is None else f"{timing.peak_memory / 1e6:.0f} MB",
    )


def _length(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _ratio(original: float | None, ours: float | None) -> str:
    return "–" if original is None or ours is None else f"{original / ours:.1f}"
