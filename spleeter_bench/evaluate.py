"""One job of a run: one system separates one song, and what it gave is scored and recorded."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, cast

import numpy as np

from spleeter_bench.errors import MetricError, SystemFailedError, SystemUnavailableError, TrackError
from spleeter_bench.estimates import FOLDER, file_name, read_stems, song_folder, write_stems
from spleeter_bench.machine import git_commit, machine_facts
from spleeter_bench.metrics import Scores, score_song
from spleeter_bench.metrics.song import Engine
from spleeter_bench.records import FAILED, OK, UNAVAILABLE, Record
from spleeter_bench.systems.base import Separation, System, SystemInfo
from spleeter_bench.tracks import Track, TrackAudio

log = logging.getLogger(__name__)

OTHER_DATA = "other data than the benchmark's training set: Deezer's own songs"


@dataclass(frozen=True)
class Job:
    """One (system, song)."""

    spec: str
    track: Track

    @property
    def key(self) -> tuple[str, str, str, int]:
        """The key its record will have."""
        return (self.spec, self.track.dataset, self.track.name, self.track.samples)


@dataclass(frozen=True)
class Settings:
    """The same for every job of a run; can be sent to other processes and machines."""

    folder: Path
    timeout: float | None = None
    """Seconds one song may take; None as the system decides."""
    bsseval: str = "own"
    keep_estimates: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)
    """Package versions that belong in every record, next to the system's own."""
    jobs: int = 1
    """How many jobs shared the machine, which timings suffer from."""


@dataclass(frozen=True)
class Outcome:
    """What a job gave: its record, and the scores of every frame that museval's files hold."""

    record: Record
    scores: Mapping[str, Scores] = field(default_factory=dict)


class Evaluator:
    """Does jobs one after the other, keeping the system of the last one started."""

    def __init__(self, settings: Settings, make_system: Callable[..., System] | None = None) -> None:
        """
        Args:
            settings: of the run.
            make_system: `(spec, timeout=...) -> System`; default `spleeter_bench.systems.make_system`.
        """
        self._settings = settings
        self._make = make_system or default_maker()
        self._system: System | None = None
        self._spec = ""
        self._info: SystemInfo | None = None
        self._hopeless: dict[str, tuple[str, str]] = {}
        """Spec -> status and reason, of systems that did not start; starting is not tried once per song."""

    def do(self, job: Job) -> Outcome:
        """Separate and score; whatever goes wrong with the system or the song becomes a record.

        A system that failed is started again for its next song.

        Raises:
            BenchError: estimates cannot be written, which is nobody's failure and ends the run.
        """
        try:
            info = self._started(job.spec)
            if info is None:
                status, reason = self._hopeless[job.spec]
                return Outcome(self._record(job, status, reason=reason))
            return self._evaluate(job, info)
        except (SystemFailedError, TrackError, MetricError) as error:
            log.info("%s failed on %s", job.spec, job.track.name, exc_info=error)
            if isinstance(error, SystemFailedError):
                self.close()
            return Outcome(self._record(job, FAILED, reason=str(error)))

    def close(self) -> None:
        """End the system at hand; calling it twice is fine."""
        system, self._system, self._info = self._system, None, None
        if system is not None:
            system.close()

    def __enter__(self) -> Evaluator:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _started(self, spec: str) -> SystemInfo | None:
        """The started system's own words; None where it does not start."""
        if spec in self._hopeless:
            return None
        if self._info is not None and self._spec == spec:
            return self._info
        self.close()
        options = {} if self._settings.timeout is None else {"timeout": self._settings.timeout}
        self._system, self._spec = self._make(spec, **options), spec
        try:
            self._info = _start(self._system, spec)
        except (SystemUnavailableError, SystemFailedError) as error:
            log.info("%s did not start", spec, exc_info=error)
            self._hopeless[spec] = (UNAVAILABLE if isinstance(error, SystemUnavailableError) else FAILED, str(error))
            self.close()
        return self._info

    def _evaluate(self, job: Job, info: SystemInfo) -> Outcome:
        assert self._system is not None
        audio = job.track.load()
        separation = separate(self._system, job.spec, job.track, audio)
        if self._settings.keep_estimates:
            write_stems(estimates_folder(self._settings.folder, job), separation.stems, job.track.sample_rate)
        scores = score_stems(audio, separation.stems, job.track.sample_rate, self._settings.bsseval)
        audio_seconds = len(audio.mixture) / job.track.sample_rate
        record = self._record(
            job,
            OK,
            info=info,
            audio_seconds=audio_seconds,
            seconds=separation.seconds,
            real_time_factor=None if separation.seconds is None else separation.seconds / audio_seconds,
            peak_memory=separation.peak_memory,
            **_values_and_flags(scores),
        )
        return Outcome(record, scores)

    def _record(self, job: Job, status: str, *, info: SystemInfo | None = None, **measured: Any) -> Record:
        return Record(
            system=job.spec,
            dataset=job.track.dataset,
            track=job.track.name,
            samples=job.track.samples,
            sample_rate=job.track.sample_rate,
            status=status,
            timestamp=_now(),
            load_seconds=info.load_seconds if info else None,
            weights=info.weights if info else "",
            trained_on=trained_on(info.weights) if info else "",
            cost_note=info.cost_note if info else "",
            versions={**self._settings.versions, **(info.versions if info else {})},
            machine={**machine_facts(), "jobs": self._settings.jobs},
            commit=_commit(),
            **measured,
        )


def failed(job: Job, settings: Settings, reason: str) -> Outcome:
    """The record of a job whose own process did not live to write it."""
    return Outcome(Evaluator(settings)._record(job, FAILED, reason=reason))


def score_again(record: Record, track: Track, settings: Settings) -> Outcome:
    """Score estimates that a run kept; the record keeps what separating cost and gets new scores.

    Raises:
        SystemFailedError: they are not there, or do not fit the song.
        TrackError: the song cannot be decoded.
        MetricError: the two cannot be compared.
    """
    audio = track.load()
    folder = estimates_folder(settings.folder, Job(record.system, track))
    if not folder.is_dir():
        raise SystemFailedError(f"{folder}: no stems to score; a run keeps them with --keep-estimates")
    stems = read_stems(folder, track.sample_rate, audio.mixture.shape)
    scores = score_stems(audio, stems, track.sample_rate, settings.bsseval)
    return Outcome(replace(record, timestamp=_now(), commit=_commit(), **_values_and_flags(scores)), scores)


def estimates_folder(run_folder: Path, job: Job) -> Path:
    """Where a run keeps the stems of a job; `dir:RUN/estimates/SYSTEM` reads them."""
    return song_folder(run_folder / FOLDER / file_name(job.spec), job.track.name)


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
    audio: TrackAudio, stems: Mapping[str, np.ndarray], sample_rate: int, bsseval: str
) -> dict[str, Scores]:
    """Scores by stem, for vocals and accompaniment; all waveforms `(samples, channels)`.

    The accompaniment of a system with more stems (drums, bass, …) is their sum. A stem whose reference is silent is
    flagged instead of scored.

    Raises:
        MetricError: an estimate has another shape than its reference, or holds NaN.
    """
    estimates = dict(stems)
    others = [stem for name, stem in stems.items() if name != "vocals"]
    if "accompaniment" not in estimates and others:
        estimates["accompaniment"] = np.sum(others, axis=0)
    return score_song(
        references=audio.references,
        estimates=estimates,
        mixture=audio.mixture,
        sample_rate=sample_rate,
        bsseval=cast(Engine, bsseval),
    )


def trained_on(weights: str) -> str:
    """What has to be said beside a published model's scores; the footnote on weights says it of all others."""
    return OTHER_DATA if weights.startswith("Deezer") else ""


def default_maker() -> Callable[..., System]:
    """`make_system`, looked up late: a test may have replaced it."""
    from spleeter_bench import systems

    return systems.make_system


def _values_and_flags(scores: Mapping[str, Scores]) -> dict[str, Any]:
    return {
        "scores": {stem: dict(score.values) for stem, score in scores.items() if score.values},
        "flags": {stem: score.flags for stem, score in scores.items() if score.flags},
    }


def _start(system: System, spec: str) -> SystemInfo:
    try:
        return system.start()
    except (SystemUnavailableError, SystemFailedError):
        raise
    except Exception as error:
        raise SystemFailedError(f"{spec}: did not start: {type(error).__name__}: {error}") from error


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


# asking git takes a while, and the answer is that of the code that was imported
_commit = functools.cache(git_commit)
