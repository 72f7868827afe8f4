"""Where songs come from: a folder of stems, or the generator."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from vocal_unet.audio import read_audio
from vocal_unet.data.synthetic import generate_song
from vocal_unet.errors import DataError

SAMPLE_RATE = 44100
GENERATED_SECONDS = 12.0
"""Length of a generated song: long enough for two chord changes, short enough to hear many voices."""
TARGET = "vocals"
MIXTURE = "mixture"
_SUFFIXES = {".wav", ".flac", ".aif", ".aiff", ".ogg", ".opus", ".mp3", ".m4a", ".mp4", ".wma"}
KNOWN_SPECS = "generated:N, generated:N:SEED and stems:FOLDER"


@dataclass(frozen=True)
class Song:
    """A song whose stems are read, or made, when they are asked for."""

    name: str
    load: Callable[[], dict[str, np.ndarray]]

    def stems(self) -> dict[str, np.ndarray]:
        """The stems, float32 `(samples, 2)` at 44100 Hz, all of one length; `vocals` and at least one other.

        Raises:
            AudioError: a file cannot be read.
            DataError: the stems differ in length.
        """
        stems = self.load()
        lengths = {stem: len(samples) for stem, samples in stems.items()}
        if len(set(lengths.values())) > 1:
            raise DataError(f"{self.name}: the stems must be equally long, but have {lengths} samples")
        return stems


def open_songs(spec: str) -> list[Song]:
    """The songs a user means by `--data`.

    Args:
        spec: `generated:N` or `generated:N:SEED`, N songs of 12 s from the generator; `stems:FOLDER`, a folder with a folder
            per song that holds `vocals.*` and at least one other stem (a `mixture.*` is ignored: the stems' sum counts).

    Returns:
        The songs, sorted by name; nothing is decoded or generated yet.

    Raises:
        DataError: the spec is none of these, or the folder holds no usable song.
    """
    kind, _, rest = spec.partition(":")
    if kind == "generated":
        return _generated(rest, spec)
    if kind == "stems" and rest:
        return _stem_folders(Path(rest))
    raise DataError(f"{spec!r} is no known kind of data; known are {KNOWN_SPECS}")


def _generated(rest: str, spec: str) -> list[Song]:
    match = re.fullmatch(r"(\d+)(?::(\d+))?", rest)
    if not match or int(match[1]) < 1:
        raise DataError(f"{spec!r} must be generated:N or generated:N:SEED with whole numbers, N at least 1")
    count, seed = int(match[1]), int(match[2] or 0)
    # A sequence instead of a sum, so that songs of different seeds never coincide.
    seeds = np.random.SeedSequence(seed).generate_state(count).tolist()
    return [
        Song(f"generated-{seed}-{index:04d}", partial(generate_song, song_seed, GENERATED_SECONDS, SAMPLE_RATE))
        for index, song_seed in enumerate(seeds)
    ]


def _stem_folders(root: Path) -> list[Song]:
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; give one that holds a folder of stems per song")
    songs = []
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        files = sorted(file for file in folder.iterdir() if file.suffix.lower() in _SUFFIXES and file.stem != MIXTURE)
        if not files:
            continue
        stems = {file.stem: file for file in files}
        if len(stems) < len(files):
            raise DataError(
                f"{folder}: two files of one stem among {', '.join(file.name for file in files)}; remove one"
            )
        if TARGET not in stems or len(stems) < 2:
            raise DataError(f"{folder}: needs {TARGET} and at least one other stem, but holds {', '.join(stems)}")
        songs.append(Song(folder.name, partial(_read_stems, stems)))
    if not songs:
        raise DataError(
            f"{root}: holds no song; each song is a folder with vocals.wav (or another format) and other stems"
        )
    return songs


def _read_stems(files: dict[str, Path]) -> dict[str, np.ndarray]:
    return {stem: read_audio(file, sample_rate=SAMPLE_RATE, channels=2)[0] for stem, file in files.items()}
