"""Every system on every song, resumable: separate, score, append a record, go on."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from spleeter_bench.errors import BenchError, SystemFailedError, SystemUnavailableError
from spleeter_bench.machine import git_commit, machine_facts
from spleeter_bench.metrics import score, silent_channels
from spleeter_bench.records import (
    FAILED,
    FILE_NAME,
    OK,
    UNAVAILABLE,
    Record,
    append_record,
    latest,
    read_records,
)
from spleeter_bench.systems.base import Separation, System, SystemInfo
from spleeter_bench.tracks import Track, TrackAudio

log = logging.getLogger(__name__)

NO_REFERENCE = "the reference is silent: not scored"


@dataclass(frozen=True)
class RunResult:
    """What a run directory now says about the systems and songs asked for, and a notice worth showing."""

    records: tuple[Record, ...]
    """Newest record of every (system, song) asked for, systems in the order asked."""
    resumed: int
    """How many of them were there before."""
    notice: str = ""


@dataclass(frozen=True)
class Provenance:
    """The same in every record of one run."""

    versions: Mapping[str, str] = field(default_factory=dict)
    machine: Mapping[str, str | int] = field(default_factory=machine_facts)
    commit: str | None = field(default_factory=git_commit)


def run(
    tracks: Sequence[Track],
    specs: Sequence[str],
    folder: Path,
    *,
    make_system: Callable[..., System] | None = None,
    timeout: float | None = None,
    force: bool = False,
    versions: Mapping[str, str] | None = None,
) -> RunResult:
    """Separate and score every song with every system, appending to `folder/records.jsonl`.

    A pair that has an `ok` record is not run again; failed and unavailable ones are. A song that fails is recorded and
    the rest goes on; a system that cannot run here is recorded with its reason and never scored. Interrupting loses the
    song at hand only. Progress goes to standard error if that is a terminal.

    Args:
        tracks: the songs.
        specs: the systems, as `make_system` understands them.
        folder: made if missing.
        make_system: `(spec, timeout=...) -> System`; default `spleeter_bench.systems.make_system`.
        timeout: seconds one song may take; default as the system decides.
        force: forget all records of the folder first.
        versions: package versions that belong in every record, next to the system's own.

    Raises:
        BenchError: a spec names no system, or the folder or its records cannot be read or written.
    """
    maker = make_system or _default_maker()
    options = {} if timeout is None else {"timeout": timeout}
    # making a system is cheap and finds a misspelt spec before hours of work
    systems = {spec: maker(spec, **options) for spec in specs}
    path = _prepare(folder, force)
    before = read_records(path) if path.exists() else None
    done = {record.key: record for record in latest(before.records) if record.status == OK} if before else {}
    provenance = Provenance(versions or {})
    pending = {spec: [track for track in tracks if _key(spec, track) not in done] for spec in systems}
    made: dict[Any, Record] = {}

    def keep(record: Record) -> None:
        append_record(path, record)
        made[record.key] = record

    with _progress(sum(map(len, pending.values()))) as advance:
        for spec, system in systems.items():
            _run_system(system, spec, pending[spec], provenance, keep, advance)
    keys = [_key(spec, track) for spec in systems for track in tracks]
    return RunResult(
        tuple(made[key] if key in made else done[key] for key in keys),
        resumed=len(keys) - len(made),
        notice=before.notice if before else "",
    )


def _default_maker() -> Callable[..., System]:
    from spleeter_bench.systems import make_system

    return make_system


def _run_system(
    system: System,
    spec: str,
    tracks: Sequence[Track],
    provenance: Provenance,
    keep: Callable[[Record], None],
    advance: Callable[[str, int], None],
) -> None:
    """One system on one song after the other; a system that crashed is started again for the next song."""
    remaining = deque(tracks)
    info: SystemInfo | None = None
    try:
        while remaining:
            if info is None:
                advance(f"{spec} · loading", 0)
                try:
                    info = _start(system, spec)
                except (SystemUnavailableError, SystemFailedError) as error:
                    log.info("%s did not start", spec, exc_info=error)
                    status = UNAVAILABLE if isinstance(error, SystemUnavailableError) else FAILED
                    for track in remaining:
                        keep(_record(spec, track, status, provenance, reason=str(error)))
                        advance(spec, 1)
                    return
            track = remaining.popleft()
            advance(f"{spec} · {track.name}", 0)
            try:
                record = _evaluate(system, spec, info, track, provenance)
            except BenchError as error:
                log.info("%s failed on %s", spec, track.name, exc_info=error)
                record = _record(spec, track, FAILED, provenance, reason=str(error))
                if isinstance(error, SystemFailedError):
                    system.close()
                    info = None
            keep(record)
            advance(spec, 1)
    finally:
        system.close()


def _evaluate(system: System, spec: str, info: SystemInfo, track: Track, provenance: Provenance) -> Record:
    audio = track.load()
    separation = separate(system, spec, track, audio)
    scores, flags = score_stems(audio, separation.stems)
    audio_seconds = len(audio.mixture) / track.sample_rate
    return _record(
        spec,
        track,
        OK,
        provenance,
        info=info,
        scores=scores,
        flags=flags,
        audio_seconds=audio_seconds,
        seconds=separation.seconds,
        real_time_factor=separation.seconds / audio_seconds,
        peak_memory=separation.peak_memory,
    )


def separate(system: System, spec: str, track: Track, audio: TrackAudio) -> Separation:
    """One song through a started system; the references are shown to oracles only.

    Raises:
        SystemFailedError: it raised anything at all, or answered without vocals.
    """
    references = audio.references if system.needs_references else None
    try:
        separation = system.separate(audio.mixture, track.sample_rate, references, track.name)
    except SystemFailedError:
        raise
    except Exception as error:
        # whatever a compared system throws is its own failure, and must not end the others' run
        raise SystemFailedError(f"{spec}: {type(error).__name__}: {error}") from error
    if "vocals" not in separation.stems:
        raise SystemFailedError(f"{spec}: answered without vocals, only {', '.join(separation.stems) or 'nothing'}")
    return separation


def score_stems(
    audio: TrackAudio, stems: Mapping[str, np.ndarray]
) -> tuple[dict[str, dict[str, float]], dict[str, tuple[str, ...]]]:
    """Scores and flags by stem, for vocals and accompaniment; all waveforms `(samples, channels)`.

    The accompaniment of a system with more stems (drums, bass, …) is their sum. A stem whose reference is silent is
    flagged instead of scored.

    Raises:
        MetricError: an estimate has another shape than its reference, or holds NaN.
    """
    estimates = dict(stems)
    others = [stem for name, stem in stems.items() if name != "vocals"]
    if "accompaniment" not in estimates and others:
        estimates["accompaniment"] = np.sum(others, axis=0)
    scores: dict[str, dict[str, float]] = {}
    flags: dict[str, tuple[str, ...]] = {}
    for stem, reference in audio.references.items():
        if stem not in estimates:
            continue
        if silent_channels(reference).all():
            flags[stem] = (NO_REFERENCE,)
            continue
        result = score(reference=reference, estimate=estimates[stem], mixture=audio.mixture)
        scores[stem] = dict(result.values)
        if result.flags:
            flags[stem] = result.flags
    return scores, flags


def _start(system: System, spec: str) -> SystemInfo:
    try:
        return system.start()
    except (SystemUnavailableError, SystemFailedError):
        raise
    except Exception as error:
        raise SystemFailedError(f"{spec}: did not start: {type(error).__name__}: {error}") from error


def _record(
    spec: str,
    track: Track,
    status: str,
    provenance: Provenance,
    *,
    info: SystemInfo | None = None,
    **measured: Any,
) -> Record:
    return Record(
        system=spec,
        dataset=track.dataset,
        track=track.name,
        samples=track.samples,
        sample_rate=track.sample_rate,
        status=status,
        timestamp=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        load_seconds=info.load_seconds if info else None,
        weights=info.weights if info else "",
        versions={**provenance.versions, **(info.versions if info else {})},
        machine=provenance.machine,
        commit=provenance.commit,
        **measured,
    )


def _key(spec: str, track: Track) -> tuple[str, str, str, int]:
    return (spec, track.dataset, track.name, track.samples)


def _prepare(folder: Path, force: bool) -> Path:
    path = folder / FILE_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if force:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise BenchError(f"{folder}: cannot be used for a run ({error.strerror})") from error
    return path


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str, int], None]]:
    """A bar on standard error, or nothing in a pipe; yields `advance(text, songs)`."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total)
        yield lambda text, songs: progress.update(task, description=text, advance=songs)
