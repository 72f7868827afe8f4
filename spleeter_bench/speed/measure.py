"""Time everything, one process at a time."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from spleeter_bench.errors import BenchError
from spleeter_bench.machine import machine_facts
from spleeter_bench.own_command import run_module
from spleeter_bench.sidecar.checkpoints import MODELS, ensure_checkpoint
from spleeter_bench.sidecar.weights import model_path
from spleeter_bench.speed.contestants import KERAS, NAMES, Contestant, contestants, require_known
from spleeter_bench.speed.process import run_measured
from spleeter_bench.speed.results import Floor, SpeedRun, Timing
from spleeter_bench.systems import make_system
from spleeter_bench.tracks import example_path
from vocal_unet import read_audio, write_audio

RATE = 44100
DURATIONS = (10.0, 60.0, 600.0, 3600.0)
STEADY_LONGEST = 600.0
"""Seconds; longer songs are not handed to loaded systems, which take and give whole arrays."""
SONGS, SONGS_SECONDS = 20, 1800.0
"""As many songs as one song of the same length, where that is long enough to give songs of usual lengths."""
SPARE = 0.85
"""Share of the machine's memory a process may be expected to need."""


def measure(
    work: Path,
    *,
    model: str = "2stems",
    weights: Path | None = None,
    durations: Sequence[float] = DURATIONS,
    names: Sequence[str] = NAMES,
    progress: Callable[[str], None] = print,
) -> Iterator[SpeedRun]:
    """Run all contestants on all songs, shortest songs first, then ours on folders of songs; gives everything so far after each.

    The songs are the real clip that stempeg ships, again and again, as 16-bit stereo wav of 44.1 kHz.

    Args:
        work: folder for songs, exports and, where `weights` is None, a checkpoint of generated weights.
        model: 2stems, 4stems or 5stems.
        weights: `MODEL_PATH` with the model's weights.
        durations: of the songs, seconds.
        names: who takes part, from `contestants.NAMES`.
        progress: told what is being done.

    Raises:
        SystemUnavailableError: Spleeter's environment cannot be made.
        SystemFailedError: a contestant failed.
        BenchError: an argument is impossible (nothing is made then), or a checkpoint or an export cannot be made.
    """
    _check(model, weights, durations, names)
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BenchError(f"{work}: cannot be made ({error.strerror}); name another folder with -o") from None
    if weights is None:
        weights = work / "models"
        ensure_checkpoint(model, weights, progress)
    with model_path(weights):  # for the loaded systems, which are started from here
        progress("exporting")
        taking_part = contestants(model, weights, work, tuple(names))
        progress("measuring what the processor can do")
        run = SpeedRun(model, _origin(weights / model), machine_facts(), floor=measure_floor(f"spleeter:{model}"))
        yield run
        for seconds in sorted(durations):
            song = _song(work, seconds)
            for contestant in taking_part:
                progress(f"{contestant.name}, {seconds:g} s")
                run = replace(run, timings=[*run.timings, _time(contestant, song, seconds, work / "stems", run)])
                yield run
            if seconds > STEADY_LONGEST:
                song.unlink()
        named = {contestant.name: contestant for contestant in taking_part}
        for timing in [t for t in run.timings if t.contestant == KERAS and _is_long(t.audio_seconds) and t.seconds]:
            progress(f"{KERAS}, {SONGS} songs, {timing.audio_seconds:g} s together")
            songs = _songs(work, timing.audio_seconds)
            together = Timing(KERAS, timing.audio_seconds, songs=SONGS)
            run = replace(run, timings=[*run.timings, _whole(named[KERAS], songs, together, work / "stems")])
            shutil.rmtree(songs)
            yield run


def _check(model: str, weights: Path | None, durations: Sequence[float], names: Sequence[str]) -> None:
    require_known(names)
    if model not in MODELS:
        raise BenchError(f"no model {model!r} to time; there are {', '.join(MODELS)}")
    if weights is not None and not (weights / model).is_dir():
        raise BenchError(f"{weights / model}: no such folder; --weights names the one that {model} lies in")
    for seconds in durations:
        if not 0 < seconds < float("inf"):
            raise BenchError(f"a song cannot last {seconds:g} s; give --seconds a number above 0")


def steps(durations: Sequence[float], names: Sequence[str]) -> int:
    """How many times `measure` gives something, if memory allows everything."""
    return 1 + len(durations) * len(names) + (KERAS in names) * sum(map(_is_long, durations))


def measure_floor(model: str) -> Floor:
    """What `speed.floor` prints of a model, from a process of its own.

    Raises:
        BenchError: it failed.
    """
    return Floor(**json.loads(run_module("spleeter_bench.speed.floor", model, failed=model).splitlines()[-1]))


def _time(contestant: Contestant, song: Path, seconds: float, stems: Path, run: SpeedRun) -> Timing:
    timing = Timing(contestant.name, seconds)
    expected = _expected_memory(run, contestant.name, seconds)
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if expected > SPARE * total:
        note = f"not run: it would take about {expected / 1e9:.0f} GB, the machine has {total / 1e9:.0f}"
        return replace(timing, note=note)
    timing = _whole(contestant, song, timing, stems)
    if seconds > STEADY_LONGEST:
        return timing
    waveform, _ = read_audio(song)
    with make_system(contestant.system, timeout=3600) as system:
        system.separate(waveform, RATE)
        again = system.separate(waveform, RATE)
    return replace(timing, load_seconds=system.info.load_seconds, steady_seconds=again.seconds)


def _is_long(seconds: float) -> bool:
    return seconds >= SONGS_SECONDS


def _whole(contestant: Contestant, songs: Path, timing: Timing, stems: Path) -> Timing:
    """With the figures of a whole process."""
    try:
        cost = run_measured(contestant.command(songs, stems), contestant.variables)
    finally:
        shutil.rmtree(stems, ignore_errors=True)
    return replace(timing, seconds=cost.seconds, cpu_seconds=cost.cpu_seconds, peak_memory=cost.peak_memory)


def _expected_memory(run: SpeedRun, contestant: str, seconds: float) -> float:
    """From the two longest songs before, on a straight line."""
    known = [t for t in run.timings if t.contestant == contestant and t.peak_memory is not None]
    if len(known) < 2:
        return 0.0
    (x0, y0), (x1, y1) = ((t.audio_seconds, float(t.peak_memory or 0)) for t in known[-2:])
    return y1 + (y1 - y0) / (x1 - x0) * (seconds - x1)


def _songs(work: Path, seconds: float) -> Path:
    """A folder of `SONGS` songs, the longest three times as long as the shortest, `seconds` together."""
    folder = work / f"songs-{seconds:g}s"
    shares = np.linspace(1, 3, SONGS)
    for number, length in enumerate(seconds * shares / shares.sum(), start=1):
        _song(work, float(length), folder / f"song {number:02}.wav")
    return folder


def _song(work: Path, seconds: float, path: Path | None = None) -> Path:
    path = path or work / f"song-{seconds:g}s.wav"
    if not path.is_file():
        clip, _ = read_audio(example_path(), sample_rate=RATE, channels=2)
        samples = round(seconds * RATE)
        whole = np.tile(clip, (-(-samples // len(clip)), 1))[:samples]
        write_audio(path, whole, RATE)
    return path


def _origin(folder: Path) -> str:
    try:
        source = json.loads((folder / ".source.json").read_text(encoding="utf-8"))["source"]
    except (OSError, ValueError, KeyError):
        return "origin unknown"
    return "generated random weights" if source == "generated" else str(source)
