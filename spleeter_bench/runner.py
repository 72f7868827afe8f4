"""Every system on every song, resumable: hand out what is missing, keep what comes back."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from spleeter_bench import plan
from spleeter_bench.errors import BenchError
from spleeter_bench.evaluate import Job, Outcome, Settings, default_maker, score_again
from spleeter_bench.executors import do_here, do_in_processes
from spleeter_bench.museval_files import FOLDER as MUSEVAL_FOLDER
from spleeter_bench.museval_files import save_frames
from spleeter_bench.records import FILE_NAME, OK, Record, append_record, latest, read_records
from spleeter_bench.systems.base import System
from spleeter_bench.tracks import Track, absolute


@dataclass(frozen=True)
class RunResult:
    """What a run directory now says about the systems and songs asked for, and a notice worth showing."""

    records: tuple[Record, ...]
    """Newest record of every (system, song) asked for, systems in the order asked."""
    resumed: int
    """How many of them were there before."""
    notice: str = ""


def run(
    tracks: Sequence[Track],
    specs: Sequence[str],
    folder: Path,
    *,
    make_system: Callable[..., System] | None = None,
    timeout: float | None = None,
    force: bool = False,
    versions: Mapping[str, str] | None = None,
    jobs: int = 1,
    dask: str | None = None,
    bsseval: str = "own",
    keep_estimates: bool = False,
    data: Sequence[str] = (),
) -> RunResult:
    """Separate and score every song with every system, appending to `folder/records.jsonl`.

    A pair that has an `ok` record is not run again; failed and unavailable ones are. A song that fails is recorded and
    the rest goes on; a system that cannot run here is recorded with its reason and never scored. Interrupting loses the
    songs at hand only. Progress goes to standard error if that is a terminal.

    Args:
        tracks: the songs.
        specs: the systems, as `make_system` understands them.
        folder: made if missing.
        make_system: `(spec, timeout=...) -> System`; default `spleeter_bench.systems.make_system`, which is also what
            other processes and machines use.
        timeout: seconds one song may take; default as the system decides.
        force: forget all records of the folder, and museval's files, first.
        versions: package versions that belong in every record, next to the system's own.
        jobs: processes on this machine that work at the same time; their timings suffer from each other.
        dask: address of a Dask scheduler that does the jobs instead.
        bsseval: "own", "museval" or "none", see `metrics.score_song`.
        keep_estimates: keep the separated stems in `folder/estimates`, for `rescore` or for listening.
        data: the specs `tracks` come from, remembered for the page of the run.

    Raises:
        BenchError: a spec names no system, or the folder or its records cannot be read or written.
        ClusterError: the Dask cluster cannot be reached or was lost.
    """
    maker = make_system or default_maker()
    for spec in specs:
        # making a system is cheap and finds a misspelt spec before hours of work
        maker(spec, **({} if timeout is None else {"timeout": timeout}))
    specs = list(dict.fromkeys(specs))
    path = _prepare(folder, force)
    before = read_records(path) if path.exists() else None
    songs = [(track.dataset, track.name, track.samples) for track in tracks]
    plan.write_plan(folder, plan.read_plan(folder).extended(specs, songs, absolute(data)))
    asked = [Job(spec, track) for spec in specs for track in tracks]
    done = {record.key: record for record in latest(before.records) if record.status == OK} if before else {}
    pending = [job for job in asked if job.key not in done]
    # absolute, because a process elsewhere need not start in the same folder
    settings = Settings(folder.absolute(), timeout, bsseval, keep_estimates, versions or {}, jobs)
    made: dict[tuple, Record] = {}
    with _progress(len(pending)) as advance:

        def starting(job: Job) -> None:
            advance(f"{job.spec} · {job.track.name}", 0)

        if dask:
            from spleeter_bench.executors.dask import do_on_dask

            outcomes = do_on_dask(pending, settings, dask, starting)
        elif jobs > 1:
            outcomes = do_in_processes(pending, settings, jobs, starting)
        else:
            outcomes = do_here(pending, settings, starting, maker)
        with closing(outcomes):
            for outcome in outcomes:
                _keep(folder, outcome)
                made[outcome.record.key] = outcome.record
                advance("", 1)
    return RunResult(
        tuple(made[job.key] if job.key in made else done[job.key] for job in asked),
        resumed=len(asked) - len(made),
        notice=before.notice if before else "",
    )


def rescore(tracks: Sequence[Track], folder: Path, *, bsseval: str = "own") -> RunResult:
    """Score the estimates a run kept once more, without separating anything.

    Every `ok` record whose song is among `tracks` gets a newer one with new scores and the old cost.

    Raises:
        BenchError: there are no records, nothing of them can be scored, or a song's estimates are gone.
    """
    path = folder / FILE_NAME
    reading = read_records(path)
    by_song = {(track.dataset, track.name, track.samples): track for track in tracks}
    scored = [record for record in latest(reading.records) if record.status == OK and record.key[1:] in by_song]
    if not scored:
        raise BenchError(f"{path}: no separated song of it is among the data given; use the data of the run")
    settings = Settings(folder.absolute(), bsseval=bsseval)
    made = []
    with _progress(len(scored)) as advance:
        for record in scored:
            advance(f"{record.system} · {record.track}", 0)
            outcome = score_again(record, by_song[record.key[1:]], settings)
            _keep(folder, outcome)
            made.append(outcome.record)
            advance("", 1)
    return RunResult(tuple(made), resumed=0, notice=reading.notice)


def _keep(folder: Path, outcome: Outcome) -> None:
    """The frames first: what has a record is complete, and what has none is done again."""
    save_frames(folder, outcome)
    append_record(folder / FILE_NAME, outcome.record)


def _prepare(folder: Path, force: bool) -> Path:
    path = folder / FILE_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if force:
            path.unlink(missing_ok=True)
            (folder / plan.FILE_NAME).unlink(missing_ok=True)
            shutil.rmtree(folder / MUSEVAL_FOLDER, ignore_errors=True)
    except OSError as error:
        raise BenchError(f"{folder}: cannot be used for a run ({error.strerror})") from error
    return path


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str, int], None]]:
    """A bar on standard error, or nothing in a pipe; yields `advance(text, songs)`, which keeps the text if "" ."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total)
        yield lambda text, songs: progress.update(task, description=text or None, advance=songs)
