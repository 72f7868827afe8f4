"""What the comparison table says, in words and numbers, before any format is chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spleeter_bench.aggregate import Summaries, Summary

MISSING = "–"

COLUMNS = (
    "System",
    "SI-SNR\n(dB)",
    "SI-SDR\n(dB)",
    "SI-SDR\nimprovement\n(dB)",
    "RTF\n(× real time)",
    "Peak\nmemory",
    "n",
)
"""Newlines are where a narrow format may break."""

DEFINITION = (
    "SI-SDR after Le Roux et al. (2019), per channel over the whole song, then the mean of the channels; "
    "SI-SNR is the same after removing each channel's mean; "
    "improvement is over the unprocessed mixture. Higher is better."
)
COST = (
    "RTF is seconds of separation per second of audio, median over tracks, model already loaded "
    "(in brackets: how many times faster than real time). "
    "Peak memory is the highest resident memory of the system's process."
)

SONGS_NAMED = 3
LEAST_FACTOR = 0.001


@dataclass(frozen=True)
class Table:
    """Text cells; `rows` hold one cell per column, in order."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    footnotes: tuple[str, ...]


def make_table(summaries: Summaries) -> Table:
    """One row per system, in the order of `summaries`, values being means over tracks."""
    return Table(
        title=_title(summaries),
        columns=COLUMNS,
        rows=tuple(_row(summary, len(summaries.tracks)) for summary in summaries.systems),
        footnotes=(
            DEFINITION,
            COST,
            *(note for summary in summaries.systems for note in _notes(summary, summaries)),
        ),
    )


def _title(summaries: Summaries) -> str:
    datasets = ", ".join(dict.fromkeys(dataset for dataset, _ in summaries.tracks))
    if len(summaries.tracks) == 1:
        return f"{summaries.target.capitalize()} of 1 track ({datasets}: {summaries.tracks[0][1]})"
    return f"{summaries.target.capitalize()} of {len(summaries.tracks)} tracks ({datasets}), mean over tracks"


def _row(summary: Summary, tracks: int) -> tuple[str, ...]:
    return (
        summary.system,
        _decibels(summary.mean, "si_snr"),
        _decibels(summary.mean, "si_sdr"),
        _decibels(summary.mean, "si_sdr_improvement"),
        _speed(summary.real_time_factor),
        _memory(summary.peak_memory),
        f"{summary.scored}/{tracks}",
    )


def _decibels(values: Mapping[str, float], metric: str) -> str:
    # adding zero turns a rounded -0.0 into 0.0
    return f"{round(values[metric], 2) + 0.0:.2f}" if metric in values else MISSING


def _speed(factor: float | None) -> str:
    if factor is None:
        return MISSING
    return f"{factor:.3g} ({1 / factor:.3g}×)" if factor >= LEAST_FACTOR else f"< {LEAST_FACTOR:g}"


def _memory(peak: int | None) -> str:
    if not peak:
        return MISSING
    return f"{peak / 1e9:.2f} GB" if peak >= 1e9 else f"{peak / 1e6:.0f} MB"


def _notes(summary: Summary, summaries: Summaries) -> list[str]:
    notes = [f"{summary.system}: weights: {text}." for text in map(_without_stop, summary.weights)]
    notes += [f"{summary.system}: unavailable, not run: {_reason(summary, reason)}." for reason in summary.unavailable]
    notes += [
        f"{summary.system}: failed on {_songs(songs)}: {_reason(summary, reason)}."
        for reason, songs in summary.failed.items()
    ]
    notes += [f"{summary.system}: {flag} ({_songs(songs)})." for flag, songs in summary.flags.items()]
    if 0 < summary.scored < len(summaries.tracks):
        notes.append(
            f"{summary.system}: averaged over {summary.scored} of {len(summaries.tracks)} tracks, so it does not "
            "compare with systems averaged over others."
        )
    return notes


def _reason(summary: Summary, reason: str) -> str:
    """The reason without the system's name in front, where the footnote already has it."""
    while reason.startswith(f"{summary.system}: "):
        reason = reason.removeprefix(f"{summary.system}: ")
    return _without_stop(reason)


def _without_stop(text: str) -> str:
    """One line, no full stop at its end, since the footnote adds its own."""
    return " ".join(text.split()).rstrip(".")


def _songs(songs: Sequence[str]) -> str:
    named = ", ".join(songs[:SONGS_NAMED])
    return named if len(songs) <= SONGS_NAMED else f"{named} and {len(songs) - SONGS_NAMED} more"
