"""A small benchmark run with kept estimates, made up for the tests of the page."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spleeter_bench.aggregate import Summaries, aggregate
from spleeter_bench.estimates import FOLDER, file_name, song_folder, write_stems
from spleeter_bench.files import write_text
from spleeter_bench.metrics import score
from spleeter_bench.museval_files import museval_json, museval_path
from spleeter_bench.records import FILE_NAME, Record, append_record
from spleeter_bench.tracks import Track, TrackAudio

RATE = 16000
SECONDS = 3.0
SCRIPT = "<script>window.broken = 1</script>"
SYSTEMS = (
    "mixture",
    f"vocal-unet:\"{SCRIPT}' & \\ `${{1}}`",
    "<img src=x onerror='window.broken=2'> spleeter:2stems 🎤",
)
SONGS = (f"{SCRIPT} </script><!--", "\"quoted\" 'song' 🎸 & more", "l" * 300)


@dataclass(frozen=True)
class Run:
    """A run folder and what belongs to it."""

    folder: Path
    records: tuple[Record, ...]
    tracks: tuple[Track, ...]

    @property
    def summaries(self) -> Summaries:
        return aggregate(self.records)


def song_audio(number: int) -> TrackAudio:
    """Vocals that come and go, with treble that the anchor lacks, and noise: `float32 (samples, 2)`."""
    rng = np.random.default_rng(number)
    time = np.arange(round(SECONDS * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * 220 * (number + 1) * k * time) / k for k in range(1, 12)) * (np.sin(2 * time) ** 2)
    vocals = (0.1 * np.stack([tone, 0.8 * tone], axis=1)).astype(np.float32)
    others = (0.05 * rng.standard_normal(vocals.shape)).astype(np.float32)
    return TrackAudio(vocals + others, {"vocals": vocals, "accompaniment": others})


def make_run(folder: Path, systems: tuple[str, ...] = SYSTEMS, songs: tuple[str, ...] = SONGS) -> Run:
    """Write records, estimates and scores per second; a later system is better and quieter."""
    records, tracks = [], []
    for number, song in enumerate(songs):
        audio = song_audio(number)
        track = Track("tests", song, RATE, len(audio.mixture), functools.partial(song_audio, number))
        tracks.append(track)
        for place, system in enumerate(systems):
            vocals, others = audio.references["vocals"], audio.references["accompaniment"]
            estimate = audio.mixture if not place else (vocals + 0.5**place * others) * 0.5**place
            write_stems(
                song_folder(folder / FOLDER / file_name(system), song),
                {"vocals": estimate, "accompaniment": audio.mixture - estimate},
                RATE,
            )
            scores = score(reference=vocals, estimate=estimate, mixture=audio.mixture)
            frames = {name: np.array([place, np.nan, place + 2.0]) for name in ("sdr", "isr", "sir", "sar")}
            scores = type(scores)({**scores.values, "sdr": float(place)}, scores.flags, frames)
            write_text(museval_path(folder, system, song), museval_json({"vocals": scores}))
            record = Record(
                system=system,
                dataset="tests",
                track=song,
                samples=len(audio.mixture),
                sample_rate=RATE,
                status="ok",
                timestamp="2026-01-02T03:04:05+00:00",
                scores={"vocals": dict(scores.values)},
                flags={"vocals": (f"odd {SCRIPT}",)} if place else {},
                audio_seconds=SECONDS,
                seconds=0.3 * place,
                real_time_factor=0.1 * place,
                peak_memory=10**8 * (place + 1),
                weights=f"weights {SCRIPT}" if place else "",
                trained_on=f"songs {SCRIPT}" if place == 2 else "",
                versions={"numpy": "2"},
            )
            append_record(folder / FILE_NAME, record)
            records.append(record)
    return Run(folder, tuple(records), tuple(tracks))
