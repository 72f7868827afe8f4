"""What has to be said under a table: where weights came from, what failed and on which songs, what was left out."""

from __future__ import annotations

from collections.abc import Sequence

from spleeter_bench.aggregate import Summaries, Summary

DAGGER = "†"
SONGS_NAMED = 3


def notes(summaries: Summaries, metrics: Sequence[str], cost: bool) -> tuple[str, ...]:
    """One sentence each; `metrics` are those the table shows, `cost` whether it shows speed and memory."""
    found = []
    if cost and max(summary.jobs for summary in summaries.systems) > 1:
        jobs = max(summary.jobs for summary in summaries.systems)
        found.append(f"Up to {jobs} jobs shared the machine, so speeds compare with nothing measured alone.")
    machines = dict.fromkeys(machine for summary in summaries.systems for machine in summary.machines)
    if cost and machines:
        found.append(f"Timed on: {'; '.join(machines)}.")
    tracks = len(summaries.tracks)
    for summary in summaries.systems:
        found += [f"{summary.system}: {note}." for note in _notes(summary, tracks, metrics, cost)]
    return tuple(found)


def _notes(summary: Summary, tracks: int, metrics: Sequence[str], cost: bool) -> list[str]:
    found = [f"weights: {text}" for text in map(_without_stop, summary.weights)]
    found += [f"{DAGGER} trained on {_without_stop(text)}" for text in summary.trained_on]
    if cost:
        found += [_without_stop(text) for text in summary.cost_notes]
    found += [f"unavailable, not run: {_without_stop(reason)}" for reason in summary.unavailable]
    found += [f"failed on {_songs(songs)}: {_without_stop(reason)}" for reason, songs in summary.failed.items()]
    if summary.missing:
        found.append(f"not run yet on {summary.missing} of {tracks} tracks; run the same command again")
    found += [f"{flag} ({_songs(songs)})" for flag, songs in summary.flags.items()]
    found += [
        f"{metric} is left out, as only {count} of {summary.scored} tracks have it"
        for metric, count in summary.incomplete.items()
        if metric in metrics
    ]
    if 0 < summary.scored < tracks:
        found.append(
            f"averaged over {summary.scored} of {tracks} tracks, so it does not compare with systems averaged over others"
        )
    return found


def _without_stop(text: str) -> str:
    """One line, no full stop at its end, since the footnote adds its own."""
    return " ".join(text.split()).rstrip(".")


def _songs(songs: Sequence[str]) -> str:
    named = ", ".join(songs[:SONGS_NAMED])
    return named if len(songs) <= SONGS_NAMED else f"{named} and {len(songs) - SONGS_NAMED} more"
