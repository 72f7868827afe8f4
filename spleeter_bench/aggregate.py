"""Records to one summary per system: means and medians over songs, speed, memory and what has to be said with them."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from spleeter_bench.errors import BenchError
from spleeter_bench.records import FAILED, OK, UNAVAILABLE, Record, latest


@dataclass(frozen=True)
class Summary:
    """One system over all songs of a run, for one target stem."""

    system: str
    scored: int
    """Songs with scores of the target."""
    mean: Mapping[str, float]
    """Metric -> mean over the scored songs, dB. Empty where nothing was scored."""
    median: Mapping[str, float]
    real_time_factor: float | None
    """Median over songs of separation seconds per second of audio."""
    peak_memory: int | None
    """Highest over songs, bytes."""
    weights: tuple[str, ...]
    unavailable: Mapping[str, int]
    """Reason -> number of songs."""
    failed: Mapping[str, tuple[str, ...]]
    """Reason -> the songs it happened on."""
    flags: Mapping[str, tuple[str, ...]]
    """Flag of the target -> the songs it was raised on."""


@dataclass(frozen=True)
class Summaries:
    """All systems of a run over the same list of songs."""

    target: str
    tracks: tuple[tuple[str, str], ...]
    """(dataset, name) of every song of the run."""
    systems: tuple[Summary, ...]


def aggregate(records: Iterable[Record], *, target: str = "vocals", systems: Sequence[str] | None = None) -> Summaries:
    """Summarise the newest record of every (system, song).

    Args:
        records: in the order written.
        target: the stem whose scores are summarised.
        systems: which systems, in this order; default all, in the order of their first record.

    Raises:
        BenchError: no records, or none of a system asked for.
    """
    newest = latest(records)
    if not newest:
        raise BenchError("the run holds no records yet")
    by_system: dict[str, list[Record]] = {}
    for record in newest:
        by_system.setdefault(record.system, []).append(record)
    wanted = list(by_system if systems is None else dict.fromkeys(systems))
    for system in wanted:
        if system not in by_system:
            raise BenchError(f"the run holds no records of {system}; it holds {', '.join(by_system)}")
    tracks = dict.fromkeys(record.key[1:] for record in newest)
    return Summaries(
        target=target,
        tracks=tuple((dataset, name) for dataset, name, _ in tracks),
        systems=tuple(_summarise(system, by_system[system], target) for system in wanted),
    )


def _summarise(system: str, records: Sequence[Record], target: str) -> Summary:
    ok = [record for record in records if record.status == OK]
    scored = [record.scores[target] for record in ok if record.scores.get(target)]
    # a metric some records lack (written before it existed) would be averaged over other songs than its neighbours
    metrics = [name for name in scored[0] if all(name in scores for scores in scored)] if scored else []
    values = {name: [scores[name] for scores in scored] for name in metrics}
    speeds = [record.real_time_factor for record in ok if record.real_time_factor is not None]
    return Summary(
        system=system,
        scored=len(scored),
        mean={name: statistics.fmean(numbers) for name, numbers in values.items()},
        median={name: statistics.median(numbers) for name, numbers in values.items()},
        real_time_factor=statistics.median(speeds) if speeds else None,
        peak_memory=max((record.peak_memory for record in ok if record.peak_memory is not None), default=None),
        weights=tuple(dict.fromkeys(record.weights for record in ok if record.weights)),
        unavailable=Counter(record.reason for record in records if record.status == UNAVAILABLE),
        failed=_songs_by((record.reason, record.track) for record in records if record.status == FAILED),
        flags=_songs_by((flag, record.track) for record in ok for flag in record.flags.get(target, ())),
    )


def _songs_by(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    songs: dict[str, tuple[str, ...]] = {}
    for text, song in pairs:
        songs[text] = (*songs.get(text, ()), song)
    return songs
