"""What a song is to training: named stems that are read, made or mapped when asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vocal_unet.audio import AudioInfo, probe_audio, read_audio
from vocal_unet.data.stored import StoredStems, store
from vocal_unet.data.synthetic import STEMS, generate_song
from vocal_unet.errors import DataError, VocalUnetError

SAMPLE_RATE = 44100
CHANNELS = 2
GENERATED_SECONDS = 120.0
"""Length of a generated song where none is asked for: some eight sections."""


class Song(ABC):
    """A song whose stems are read, or made, when they are asked for."""

    name: str
    stem_names: tuple[str, ...]
    split: str
    """`validation` where a data set's own list says so, else `train`."""

    @abstractmethod
    def stems(self) -> dict[str, np.ndarray]:
        """The stems, float32 `(samples, 2)` at 44100 Hz, all of one length.

        Raises:
            AudioError: a file cannot be read.
            DataError: the stems differ in length.
        """

    @abstractmethod
    def seconds(self) -> float:
        """Length as far as headers tell; not always exact. Raises AudioError where a file cannot be opened."""

    def mixture(self) -> np.ndarray | None:
        """The mixture that came with the song, float32 `(samples, 2)`; None where the stems' sum is the only one."""
        return None

    def stored(self) -> StoredStems:
        """The stems at 16 bits, in memory unless the song is prepared."""
        return store(self.stems())[1]

    def resident_bytes(self) -> int:
        """Memory `stored` takes."""
        return round(self.seconds() * SAMPLE_RATE) * CHANNELS * 2 * len(self.stem_names)

    def infos(self) -> dict[str, AudioInfo]:
        """What each file says of itself, by stem."""
        return {}

    def fingerprint(self) -> list[str]:
        """What changes when one of its files does; nothing where its name says it all."""
        return []

    def fault(self) -> str | None:
        """Why the song cannot be used, as far as file headers tell; None when nothing is wrong."""
        return None


@dataclass(frozen=True)
class Clip:
    """One audio stream of one file."""

    path: Path
    stream: int = 0

    def read(self) -> np.ndarray:
        """float32 `(samples, 2)` at 44100 Hz."""
        return read_audio(self.path, sample_rate=SAMPLE_RATE, channels=CHANNELS, stream=self.stream)[0]


@dataclass(frozen=True)
class FileSong(Song):
    """A song in sound files."""

    name: str
    files: Mapping[str, Clip]
    mixed: Clip | None = None
    split: str = "train"
    known_fault: str | None = None
    """What was found wrong while looking for the files."""

    @property
    def stem_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(self.files)

    def stems(self) -> dict[str, np.ndarray]:
        stems = {stem: clip.read() for stem, clip in self.files.items()}
        _require_equal_lengths(self.name, {stem: len(samples) for stem, samples in stems.items()})
        return stems

    def mixture(self) -> np.ndarray | None:
        return None if self.mixed is None else self.mixed.read()

    def seconds(self) -> float:
        return max((info.duration or 0.0 for info in self.infos().values()), default=0.0)

    def infos(self) -> dict[str, AudioInfo]:
        # The streams of one file share its length and rate, and opening it takes longest.
        by_path = {path: probe_audio(path) for path in {clip.path for clip in self.files.values()}}
        return {stem: by_path[clip.path] for stem, clip in self.files.items()}

    def fingerprint(self) -> list[str]:
        states = [(clip, clip.path.stat()) for clip in self.files.values()]
        return [f"{clip.path.resolve()}:{clip.stream}:{state.st_size}:{state.st_mtime_ns}" for clip, state in states]

    def fault(self) -> str | None:
        if self.known_fault:
            return self.known_fault
        try:
            infos = self.infos()
            lengths = {s: round(i.samples * SAMPLE_RATE / i.sample_rate) for s, i in infos.items() if i.samples}
            _require_equal_lengths(self.name, lengths)
            for clip in self.files.values():
                streams = next(info.streams for info in infos.values() if info.path == clip.path)
                if clip.stream >= streams:
                    return f"{clip.path}: has {streams} audio streams, stream {clip.stream} is needed; get a whole copy"
        except VocalUnetError as error:
            return str(error)
        return None


@dataclass(frozen=True)
class GeneratedSong(Song):
    """A song from random numbers."""

    name: str
    seed: int
    length: float = GENERATED_SECONDS
    split: str = "train"
    stem_names = STEMS

    def stems(self) -> dict[str, np.ndarray]:
        return generate_song(self.seed, self.length, SAMPLE_RATE)

    def seconds(self) -> float:
        return self.length


@dataclass(frozen=True)
class PartOfSong(Song):
    """Some stems of a song, as if it had no others."""

    song: Song
    stem_names: tuple[str, ...]

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"{self.song.name} ({', '.join(self.stem_names)})"

    @property
    def split(self) -> str:  # type: ignore[override]
        return self.song.split

    def stems(self) -> dict[str, np.ndarray]:
        stems = self.song.stems()
        return {name: stems[name] for name in self.stem_names}

    def seconds(self) -> float:
        return self.song.seconds()

    def infos(self) -> dict[str, AudioInfo]:
        infos = self.song.infos()
        return {name: infos[name] for name in self.stem_names if name in infos}

    def fingerprint(self) -> list[str]:
        return self.song.fingerprint()

    def fault(self) -> str | None:
        return self.song.fault()


def _require_equal_lengths(name: str, lengths: Mapping[str, int]) -> None:
    if len(set(lengths.values())) > 1:
        raise DataError(f"{name}: the stems must be equally long, but have {dict(lengths)} samples")
