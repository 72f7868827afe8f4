"""Makes the page: one template for the run, one for each excerpt, excerpts on all cores, the folder whole or not at all."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import secrets
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from spleeter_bench.aggregate import Summaries
from spleeter_bench.errors import BenchError
from spleeter_bench.estimates import kept_folders
from spleeter_bench.museval_files import museval_path, read_frames
from spleeter_bench.page import charts, pictures, results
from spleeter_bench.page.clips import TRUTH, Clip, Excerpts, make_clips
from spleeter_bench.records import Record, latest
from spleeter_bench.report import Column, make_full_table, make_pairs_table
from spleeter_bench.report.pairs import EXPLANATION
from spleeter_bench.tracks import Track
from vocal_unet import row_edges

INDEX = "index.html"
CLIPS = "clips"
STATIC = ("page.css", "page.js", "charts.js", "player.js", "songs.js", "blind.js")
FREQUENCIES = (100, 300, 1000, 3000, 10000)
OVER_TIME = "sdr"
"""The metric drawn over time."""


@dataclass(frozen=True)
class _Job:
    """One song's excerpts."""

    number: int
    """Place of the song in the run."""
    track: Track
    folders: Mapping[str, Path]
    target: str
    excerpts: Excerpts


def write_page(
    summaries: Summaries,
    records: Sequence[Record],
    run_folder: Path,
    output: Path,
    tracks: Sequence[Track] = (),
    *,
    excerpts: Excerpts | None = None,
    ratings: Column | None = None,
    jobs: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """Write the page of a run.

    Args:
        summaries: of the run; its target is what is heard.
        records: of the run, for versions and dates.
        run_folder: where kept estimates and museval's files lie.
        output: the folder to make; one that holds an older page is replaced.
        tracks: where the run's songs can be found; those that are not among them have no excerpt.
        excerpts: which part of each song is put in.
        ratings: what listeners said, for the table.
        jobs: processes; default one per core.
        progress: called with (songs done, songs in all).

    Returns:
        The path of `index.html`.

    Raises:
        BenchError: `output` is something else than a page, or cannot be written.
        TrackError: a song cannot be decoded.
    """
    output = output.absolute()
    if output.exists() and not (output / CLIPS).is_dir() and (output.is_file() or any(output.iterdir())):
        raise BenchError(f"{output}: is there already and is no page of a run; choose another folder")
    found = {(track.dataset, track.name, track.samples): track for track in tracks}
    systems = [summary.system for summary in summaries.systems]
    work = [
        _Job(number, found[song], kept_folders(run_folder, systems, song[1]), summaries.target, excerpts or Excerpts())
        for number, song in enumerate(summaries.tracks)
        if song in found
    ]
    temporary = output.with_name(f".{output.name}.{secrets.token_hex(4)}.part")
    environment = _environment()
    try:
        (temporary / CLIPS).mkdir(parents=True)
        listed: dict[int, list[dict[str, Any]]] = {}
        for done, (job, clips) in enumerate(_all_clips(work, jobs or os.cpu_count() or 1), start=1):
            listed[job.number] = [
                _write_clip(temporary, environment, summaries, run_folder, job.number, place, clip)
                for place, clip in enumerate(clips)
            ]
            progress(done, len(work))
        entries = [entry for number in sorted(listed) for entry in listed[number]]
        _write_index(temporary, environment, summaries, records, entries, ratings)
        if output.exists():
            shutil.rmtree(output)
        os.replace(temporary, output)
    except OSError as error:
        raise BenchError(f"{output}: cannot be written ({error.strerror})") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return output / INDEX


def _all_clips(work: Sequence[_Job], jobs: int) -> Iterator[tuple[_Job, list[Clip]]]:
    """In the order in which they are done; few songs are held in memory at a time."""
    if min(jobs, len(work)) < 2:
        yield from ((job, _make(job)) for job in work)
        return
    waiting, running = list(reversed(work)), dict[Future, _Job]()
    # Ctrl-C reaches every process of a terminal; only the one that cleans up shall hear it
    pool = ProcessPoolExecutor(
        min(jobs, len(work)),
        multiprocessing.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )
    with pool:
        try:
            while waiting or running:
                while waiting and len(running) < 2 * jobs:
                    job = waiting.pop()
                    running[pool.submit(_make, job)] = job
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(future), future.result()
        except BrokenProcessPool:
            raise BenchError("a process that made excerpts was killed; with --jobs 1 they need least memory") from None
        finally:
            pool.shutdown(cancel_futures=True)


def _make(job: _Job) -> list[Clip]:
    return make_clips(job.track, job.folders, job.target, job.excerpts)


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("spleeter_bench.page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _write_clip(
    folder: Path,
    environment: jinja2.Environment,
    summaries: Summaries,
    run_folder: Path,
    number: int,
    place: int,
    clip: Clip,
) -> dict[str, Any]:
    """Write one excerpt's file; returns what the page has to know before it is loaded."""
    systems = [summary.system for summary in summaries.systems]
    clip_id = f"{number + 1:03d}-{place + 1}"
    html = environment.get_template("clip.html.j2").render(
        clip=clip,
        systems=systems,
        time_ticks=charts.axis([clip.start, clip.start + clip.seconds], ticks=5, margin=0).labels,
        frequency_ticks=_frequency_ticks(clip.sample_rate),
        over_time=_over_time(run_folder, systems, summaries.target, clip),
        truth=TRUTH,
    )
    content = {
        "id": clip_id,
        "rate": clip.sample_rate,
        "samples": clip.samples,
        "start": round(clip.start, 3),
        "voices": [{"name": voice.name, "audio": voice.audio, "gain": voice.gain} for voice in clip.voices],
        "audio": clip.audio,
        "anchor": clip.anchor,
        "html": html,
    }
    path = folder / CLIPS / f"{clip_id}.js"
    path.write_text(f"Report.clipLoaded({json.dumps(content)});\n", encoding="utf-8")
    return {
        "id": clip_id,
        "song": number,
        "start": round(clip.start, 2),
        "systems": [voice.name for voice in clip.voices[TRUTH:]],
    }


def _over_time(run_folder: Path, systems: Sequence[str], target: str, clip: Clip) -> dict[str, Any] | None:
    seconds = clip.samples_of_song / clip.sample_rate
    frames = {
        place: read_frames(museval_path(run_folder, system, clip.song), target).get(OVER_TIME, [])
        for place, system in enumerate(systems)
    }
    frames = {place: values for place, values in frames.items() if np.isfinite(values).any()}
    if not frames:
        return None
    scale = charts.axis([value for values in frames.values() for value in values], ticks=5)
    return {
        "lines": {place: charts.polyline(values, scale, seconds) for place, values in frames.items()},
        "values": scale,
        "time": charts.axis([0, seconds], margin=0),
        "from": 100 * clip.start / seconds,
        "width": 100 * clip.seconds / seconds,
    }


def _frequency_ticks(sample_rate: int) -> list[tuple[float, str]]:
    """(percent from the bottom, text)."""
    low, high = row_edges(sample_rate, 1)
    return [
        (
            round(100 * float(np.log(hertz / low) / np.log(high / low)), 2),
            f"{hertz // 1000}k" if hertz >= 1000 else str(hertz),
        )
        for hertz in FREQUENCIES
        if hertz < high
    ]


def _write_index(
    folder: Path,
    environment: jinja2.Environment,
    summaries: Summaries,
    records: Sequence[Record],
    clips: Sequence[Mapping[str, Any]],
    ratings: Column | None,
) -> None:
    table, rows = results.headline(summaries, ratings)
    titles = results.titles(summaries)
    systems = [summary.system for summary in summaries.systems]
    newest = latest(records)
    data = {
        "run": _fingerprint(newest),
        "title": table.title,
        "target": summaries.target,
        "systems": systems,
        "songs": [
            {"dataset": dataset, "name": name, "samples": samples} for dataset, name, samples in summaries.tracks
        ],
        "metrics": titles,
        "values": results.values(summaries),
        "pairs": results.pairs(summaries),
        "pair": results.first_pair(summaries),
        "clips": clips,
    }
    html = environment.get_template("page.html.j2").render(
        summaries=summaries,
        table=table,
        rows=rows,
        titles=titles,
        strips=[charts.strip(summaries, metric) for metric in titles],
        speed=results.speed_bars(summaries),
        memory=results.memory_bars(summaries),
        full=make_full_table(summaries),
        pairs=make_pairs_table(summaries, list(titles)),
        explanation=EXPLANATION,
        clips=clips,
        data=data,
        static=STATIC[1:],
        date=max((record.timestamp for record in newest), default="")[:10],
        versions=_versions(newest),
        pictures=pictures,
    )
    (folder / INDEX).write_text(html, encoding="utf-8")
    for name in STATIC:
        content = files("spleeter_bench.page") / "static" / name
        (folder / name).write_bytes(content.read_bytes())


def _fingerprint(records: Sequence[Record]) -> str:
    """Tells the runs of one browser's stored listening results apart."""
    keys = sorted(f"{record.key}" for record in records)
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()[:12]


def _versions(records: Sequence[Record]) -> str:
    found: dict[str, dict[str, None]] = {}
    for record in records:
        for name, version in record.versions.items():
            found.setdefault(name, {})[version] = None
    return ", ".join(f"{name} {' / '.join(versions)}" for name, versions in sorted(found.items()))
