"""Songs decoded once into a folder of raw arrays: random access without decoding, resumable, atomic."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vocal_unet.data.songs import SAMPLE_RATE, Song
from vocal_unet.data.stored import StoredStems, store
from vocal_unet.errors import AudioError, DataError, OutputError

if TYPE_CHECKING:
    from vocal_unet.data.sources import SongSet

FORMAT = 1
INDEX = "index.json"


@dataclass(frozen=True)
class PreparedSong(Song):
    """A song in one `.npy` file, int16 `(stems, samples, channels)`, with a scale per stem beside it."""

    name: str
    path: Path
    stem_names: tuple[str, ...]
    scales: tuple[float, ...]
    samples: int
    split: str = "train"

    def stored(self) -> StoredStems:
        return StoredStems(self.stem_names, self.samples, self.scales, partial(np.load, self.path, mmap_mode="r"))

    def stems(self) -> dict[str, np.ndarray]:
        whole = self.stored().read(self.stem_names, 0, self.samples)
        return dict(zip(self.stem_names, whole, strict=True))

    def seconds(self) -> float:
        return self.samples / SAMPLE_RATE

    def resident_bytes(self) -> int:
        return 0

    def fault(self) -> str | None:
        try:
            shape = np.load(self.path, mmap_mode="r").shape
        except (OSError, ValueError) as error:
            return f"{self.path}: cannot be read ({error}); delete the file and prepare again"
        expected = (len(self.stem_names), self.samples, 2)
        return None if shape == expected else f"{self.path}: holds {shape}, not {expected}; delete it and prepare again"


def estimated_bytes(songs: Iterable[Song]) -> int:
    """Disk space the prepared songs take, from their headers."""
    return sum(round(song.seconds() * SAMPLE_RATE) * 4 * len(song.stem_names) for song in songs)


def prepare(
    songs: SongSet, folder: Path, bad_songs: str = "refuse", progress: Callable[[], None] | None = None
) -> tuple[int, list[str]]:
    """Decode songs into `folder`; those that are there already, from unchanged files, are kept.

    The folder is complete, and can be used as `prepared:FOLDER`, once `index.json` is in it, which is written last.

    Args:
        songs: usable songs.
        folder: where to; made when missing.
        bad_songs: `refuse` songs that turn out to be damaged, or `skip` them.
        progress: called after each song.

    Returns:
        How many songs were decoded now, and one line per song that was left out.

    Raises:
        OutputError: not enough space, or the folder cannot be written or holds something else.
        AudioError, DataError: a song cannot be read; the songs done so far stay, so that the same command goes on from there.
    """
    damaged: dict[int, str] = {}

    def decode(song: Song) -> None:
        try:
            _write(song, folder / "songs" / names[id(song)])
        except (AudioError, DataError) as error:
            if bad_songs == "refuse":
                raise
            damaged[id(song)] = str(error)

    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / "songs").is_dir())):
        raise OutputError(f"{folder}: is no folder of prepared songs; give an empty or new one")
    names = {id(song): _file_name(source.name, song) for source in songs.sources for song in source.songs}
    try:
        (folder / "songs").mkdir(parents=True, exist_ok=True)
        # By name: the same songs may be in two sources.
        wanted = {names[id(song)]: song for song in songs.songs}
        missing = [song for name, song in wanted.items() if not (folder / "songs" / f"{name}.json").is_file()]
        _require_space(folder, estimated_bytes(missing))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            try:
                for _ in pool.map(decode, missing):
                    if progress:
                        progress()
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        index: dict[str, Any] = {"format": FORMAT, "sample_rate": SAMPLE_RATE, "sources": []}
        for source in songs.sources:
            files = [names[id(song)] for song in source.songs if id(song) not in damaged]
            if not files:
                continue
            index["sources"].append({"name": source.name, "weight": source.weight, "songs": files})
        _write_json(folder / INDEX, index)
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be written ({error.strerror or error}); free space and run it again"
        ) from error
    return len(missing) - len(damaged), list(damaged.values())


def prepared_sources(folder: Path) -> list[tuple[str, float, tuple[Song, ...]]]:
    """Name, weight and songs of every source that was prepared into `folder`.

    Raises:
        DataError: the folder is missing, not complete, or of another format.
    """
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        if index["format"] != FORMAT or index["sample_rate"] != SAMPLE_RATE:
            raise DataError(f"{folder}: was prepared by another version; prepare it again")
        return [
            (source["name"], float(source["weight"]), tuple(_read(folder / "songs" / name) for name in source["songs"]))
            for source in index["sources"]
        ]
    except FileNotFoundError as error:
        raise DataError(
            f"{folder}: holds no complete prepared songs ({Path(error.filename).name} is missing); run 'vocal-unet data "
            "prepare', which goes on where it was interrupted"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder}: the index cannot be read ({error}); prepare it again") from None


def _read(stem: Path) -> PreparedSong:
    values = json.loads(stem.with_name(stem.name + ".json").read_text(encoding="utf-8"))
    return PreparedSong(
        values["name"],
        stem.with_name(stem.name + ".npy"),
        tuple(values["stems"]),
        tuple(values["scales"]),
        int(values["samples"]),
        values["split"],
    )


def _write(song: Song, stem: Path) -> None:
    """The array first, then its description: a song counts as done when the description is there."""
    pcm, stored = store(song.stems())
    partial_file = stem.with_name(stem.name + ".partial")
    try:
        with partial_file.open("wb") as file:
            np.save(file, pcm)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial_file, stem.with_name(stem.name + ".npy"))
    finally:
        partial_file.unlink(missing_ok=True)
    values = {"name": song.name, "stems": stored.names, "scales": stored.scales, "samples": stored.samples}
    _write_json(stem.with_name(stem.name + ".json"), {**values, "split": song.split})


def _write_json(path: Path, values: dict[str, Any]) -> None:
    partial_file = path.with_name(path.name + ".partial")
    partial_file.write_text(json.dumps(values, indent=1), encoding="utf-8")
    os.replace(partial_file, path)


def _file_name(source: str, song: Song) -> str:
    """A readable name that changes when the song's files do."""
    parts = [source, song.name, *song.stem_names, *song.fingerprint()]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', song.name)[:60].strip('-')}-{digest}"


def _require_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > 0.95 * free:
        raise OutputError(f"{folder}: needs {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free; choose another disk")
