"""Records to one summary per system and one comparison per pair: means and medians over songs, cost, what must be said."""

from __future__ import annotations

import itertools
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spleeter_bench.errors import BenchError
from spleeter_bench.plan import Plan, Song
from spleeter_bench.records import FAILED, OK, UNAVAILABLE, Record, latest
from spleeter_bench.statistics import Interval, Paired, Statistic, bootstrap_interval, compare, holm

MEDIAN_METRICS = ("sdr", "isr", "sir", "sar")
"""BSSEval's, of which a song has the median over frames and tables show the median over songs, as museval does."""

_FRAMES = re.compile(r"(\d+) of (\d+) frames")


@dataclass(frozen=True)
class Summary:
    """One system over all songs of a run, for one target stem."""

    system: str
    scored: int
    """Songs with scores of the target."""
    values: Mapping[str, tuple[float, ...]]
    """Metric -> one value per scored song, dB, in the order of `Summaries.tracks`; only metrics every scored song has."""
    songs: tuple[Song, ...]
    """The scored songs, in that order."""
    mean: Mapping[str, float]
    median: Mapping[str, float]
    mean_interval: Mapping[str, Interval]
    """95 % bootstrap; empty where fewer than two songs were scored."""
    median_interval: Mapping[str, Interval]
    incomplete: Mapping[str, int]
    """Metrics left out because only some scored songs have them -> how many do."""
    real_time_factor: float | None
    """Median over songs of separation seconds per second of audio."""
    peak_memory: int | None
    """Highest over songs, bytes."""
    load_seconds: float | None
    """Median over songs, which a restarted system may have more than one of."""
    jobs: int
    """Most jobs that shared the machine."""
    machines: tuple[str, ...]
    """What its songs were timed on."""
    weights: tuple[str, ...]
    trained_on: tuple[str, ...]
    cost_notes: tuple[str, ...]
    unavailable: Mapping[str, int]
    """Reason -> number of songs."""
    failed: Mapping[str, tuple[str, ...]]
    """Reason -> the songs it happened on."""
    flags: Mapping[str, tuple[str, ...]]
    """Flag of the target -> the songs it was raised on."""
    missing: int
    """Songs the run was asked for that this system has no record of."""


@dataclass(frozen=True)
class Pair:
    """Two systems compared song by song in one metric."""

    first: str
    second: str
    metric: str
    paired: Paired
    corrected: float | None
    """The p-value after Holm, over all pairs of this metric."""


@dataclass(frozen=True)
class Summaries:
    """All systems of a run over the same list of songs."""

    target: str
    tracks: tuple[Song, ...]
    """Every song of the run, sorted: songs finish in another order in every run, and tables must not show it."""
    systems: tuple[Summary, ...]

    def pairs(self, metric: str) -> tuple[Pair, ...]:
        """All pairs of systems that share scored songs, in the order of the systems."""
        found = []
        for first, second in itertools.combinations(self.systems, 2):
            if metric not in first.values or metric not in second.values:
                continue
            ours = dict(zip(first.songs, first.values[metric], strict=True))
            theirs = dict(zip(second.songs, second.values[metric], strict=True))
            shared = [song for song in first.songs if song in theirs]
            if shared:
                paired = compare([ours[song] for song in shared], [theirs[song] for song in shared])
                found.append((first.system, second.system, paired))
        corrected = holm([paired.p_value for _, _, paired in found])
        return tuple(Pair(a, b, metric, paired, p) for (a, b, paired), p in zip(found, corrected, strict=True))


def aggregate(
    records: Iterable[Record],
    *,
    target: str = "vocals",
    systems: Sequence[str] | None = None,
    plan: Plan | None = None,
) -> Summaries:
    """Summarise the newest record of every (system, song).

    Args:
        records: in the order written.
        target: the stem whose scores are summarised.
        systems: which systems, in this order; default all, in the order of the plan, then of their first record.
        plan: what the run was asked for; songs without a record count as missing.

    Raises:
        BenchError: no records, or none of a system asked for.
    """
    newest = latest(records)
    plan = plan or Plan()
    if not newest:
        raise BenchError("the run holds no records yet")
    by_system: dict[str, list[Record]] = {}
    for record in newest:
        by_system.setdefault(record.system, []).append(record)
    # a system that was asked for last and has not begun yet has nothing to show
    known = dict.fromkeys([*(system for system in plan.systems if system in by_system), *by_system])
    wanted = list(known if systems is None else dict.fromkeys(systems))
    for system in wanted:
        if system not in by_system:
            raise BenchError(f"the run holds no records of {system}; it holds {', '.join(by_system)}")
    tracks = tuple(sorted({*plan.songs, *(_song(record) for record in newest)}))
    return Summaries(
        target=target,
        tracks=tracks,
        systems=tuple(
            _summarise(system, sorted(by_system[system], key=_song), target, len(tracks)) for system in wanted
        ),
    )


def _song(record: Record) -> Song:
    return (record.dataset, record.track, record.samples)


def _summarise(system: str, records: Sequence[Record], target: str, tracks: int) -> Summary:
    ok = [record for record in records if record.status == OK]
    scored = [record for record in ok if record.scores.get(target)]
    have = Counter(metric for record in scored for metric in record.scores[target])
    # a metric some songs lack would be averaged over other songs than its neighbours
    values = {
        metric: tuple(record.scores[target][metric] for record in scored)
        for metric, count in have.items()
        if count == len(scored)
    }
    speeds = [record.real_time_factor for record in ok if record.real_time_factor is not None]
    loads = [record.load_seconds for record in ok if record.load_seconds is not None]
    return Summary(
        system=system,
        scored=len(scored),
        values=values,
        songs=tuple(map(_song, scored)),
        mean={metric: statistics.fmean(numbers) for metric, numbers in values.items()},
        median={metric: statistics.median(numbers) for metric, numbers in values.items()},
        mean_interval=_intervals(values, np.mean),
        median_interval=_intervals(values, np.median),
        incomplete={metric: count for metric, count in have.items() if count < len(scored)},
        real_time_factor=statistics.median(speeds) if speeds else None,
        peak_memory=max((record.peak_memory for record in ok if record.peak_memory is not None), default=None),
        load_seconds=statistics.median(loads) if loads else None,
        jobs=max((int(record.machine.get("jobs", 1)) for record in ok), default=1),
        machines=_different(_machine(record) for record in ok if record.seconds is not None),
        weights=_different(record.weights for record in ok),
        trained_on=_different(record.trained_on for record in ok),
        cost_notes=_different(record.cost_note for record in ok),
        unavailable=Counter(_reason(record) for record in records if record.status == UNAVAILABLE),
        failed=_songs_by((_reason(record), record.track) for record in records if record.status == FAILED),
        flags=_merge_frames(_songs_by((flag, record.track) for record in ok for flag in record.flags.get(target, ()))),
        missing=tracks - len(records),
    )


def _intervals(values: Mapping[str, Sequence[float]], statistic: Statistic) -> dict[str, Interval]:
    found = {metric: bootstrap_interval(numbers, statistic) for metric, numbers in values.items()}
    return {metric: interval for metric, interval in found.items() if interval is not None}


def _different(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


def _machine(record: Record) -> str:
    facts = record.machine
    return f"{facts['cpu']}, {facts['cpu_count']} processors" if {"cpu", "cpu_count"} <= set(facts) else ""


def _reason(record: Record) -> str:
    """The reason without the system and the song in front, so that the same one on several songs is said once."""
    reason, before = record.reason, ""
    while reason != before:
        before = reason
        reason = reason.removeprefix(f"{record.system}: ").removeprefix(f"{record.system} on {record.track}: ")
    return reason


def _songs_by(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    songs: dict[str, tuple[str, ...]] = {}
    for text, song in pairs:
        songs[text] = (*songs.get(text, ()), song)
    return songs


def _merge_frames(flags: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Flags that differ only in "3 of 240 frames" become one with the frames of all songs added up."""
    totals: dict[str, list[int]] = {}
    songs: dict[str, tuple[str, ...]] = {}
    for flag, where in flags.items():
        form = _FRAMES.sub("{} of {} frames", flag.replace("{", "{{").replace("}", "}}"), count=1)
        counts = _FRAMES.search(flag)
        numbers = [int(text) * len(where) for text in counts.groups()] if counts else []
        totals[form] = [a + b for a, b in zip(totals.get(form, [0] * len(numbers)), numbers, strict=True)]
        songs[form] = (*songs.get(form, ()), *where)
    return {form.format(*totals[form]): where for form, where in songs.items()}
