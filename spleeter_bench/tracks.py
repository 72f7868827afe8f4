"""Which songs are scored: mixtures with their reference vocals and accompaniment, decoded one song at a time."""

from __future__ import annotations

import functools
import importlib.util
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from spleeter_bench.errors import TrackError
from vocal_unet import VocalUnetError, probe_audio, read_audio

CHANNELS = 2
"""Every song is handed out in stereo, as all separators want it; a mono file gets two equal channels."""

AUDIO_SUFFIXES = {".aac", ".aif", ".aiff", ".flac", ".m4a", ".mp3", ".mp4", ".ogg", ".opus", ".wav", ".wma"}
STEM_MP4 = ".stem.mp4"
KINDS = "example, musdb:PATH, stems:DIR"


@dataclass(frozen=True)
class TrackAudio:
    """One song in memory, every array `float32 (samples, 2)`, all of one length."""

    mixture: np.ndarray
    references: Mapping[str, np.ndarray]
    """The true "vocals" and "accompaniment"."""


@dataclass(frozen=True)
class Track:
    """One song to be scored. `(dataset, name, samples)` tells songs apart within a run."""

    dataset: str
    name: str
    sample_rate: int
    samples: int
    _loader: Callable[[], TrackAudio] = field(repr=False, compare=False)

    def load(self) -> TrackAudio:
        """Decode the song.

        Raises:
            TrackError: a file cannot be decoded, or stems differ in length.
        """
        return self._loader()


@dataclass(frozen=True)
class Source:
    """One audio stream of one file."""

    path: Path
    stream: int = 0

    def __str__(self) -> str:
        return f"{self.path} stream {self.stream}" if self.stream else str(self.path)


def find_tracks(specs: Sequence[str], limit: int | None = None) -> list[Track]:
    """The songs of all data specs, in order: `example`, `musdb:PATH`, `stems:DIR`; the first `limit` of each.

    Only file headers are read.

    Raises:
        TrackError: an unknown spec, a missing folder, no songs, a song without vocals or with an unreadable file,
            stems of different sample rates, or two songs that cannot be told apart.
    """
    tracks = [track for spec in specs for track in _tracks_of(spec, limit)]
    seen = set()
    for track in tracks:
        if track in seen:
            raise TrackError(
                f"{track.name}: two songs of {track.dataset} have this name and length; give each its own name"
            )
        seen.add(track)
    return tracks


def absolute(specs: Sequence[str]) -> list[str]:
    """The same data specs, meaning the same from any folder."""
    parts = [spec.partition(":") for spec in specs]
    return [f"{kind}:{Path(where).expanduser().absolute()}" if where else kind for kind, _, where in parts]


def _tracks_of(spec: str, limit: int | None) -> Iterator[Track]:
    kind, _, where = spec.partition(":")
    # absolute, because songs are also read by processes that were started in other folders
    folder = Path(where).expanduser().absolute()
    if spec == "example":
        songs = _example()
    elif kind == "musdb" and where:
        songs = _musdb(folder)
    elif kind == "stems" and where:
        songs = _stem_folders(folder)
    else:
        raise TrackError(f"{spec!r} is no data; use one of {KINDS}")
    return itertools.islice(songs, limit)


def example_path() -> Path:
    """The test clip of MUSDB18 that the stempeg package ships: five streams in musdb's order."""
    folder = _package_folder("stempeg") / "data"
    clips = sorted(folder.glob(f"*{STEM_MP4}"))
    if not clips:
        raise TrackError(f"{folder}: the example clip is missing; reinstall the package stempeg")
    return clips[0]


def _example() -> Iterator[Track]:
    yield _stem_file_track("example", example_path())


def _musdb(root: Path) -> Iterator[Track]:
    """The test subset of MUSDB18 (stem files) or MUSDB18-HQ (wav folders); stem files win where `root` holds both."""
    folder = _existing(root / "test", "MUSDB18 and MUSDB18-HQ have a folder named test")
    setup = _musdb_setup()
    stem_files = sorted(path for path in folder.glob(f"*{STEM_MP4}") if not path.name.startswith("."))
    folders = _subfolders(folder)
    if stem_files:
        for path in stem_files:
            yield _stem_file_track("MUSDB18", path)
    elif folders:
        for path in folders:
            yield _hq_track(path, setup)
    else:
        raise TrackError(f"{folder}: no songs; expected *{STEM_MP4} files or a folder with {setup['mixture']} per song")


def _stem_file_track(dataset: str, path: Path) -> Track:
    setup = _musdb_setup()
    streams = setup["stem_ids"]
    found = _probe(Source(path)).streams
    if found <= max(streams.values()):
        raise TrackError(f"{path}: has {found} audio streams; a MUSDB18 stem file has {max(streams.values()) + 1}")
    stems = {stem: Source(path, streams[stem]) for stem in setup["sources"]}
    return _track(
        dataset,
        path.name[: -len(STEM_MP4)],
        mixture=[Source(path, streams["mixture"])],
        vocals=stems["vocals"],
        accompaniment=[stems[stem] for stem in sorted(setup["targets"]["accompaniment"])],
    )


def _hq_track(folder: Path, setup: Mapping[str, Any]) -> Track:
    names = {"mixture": setup["mixture"], **setup["sources"]}
    for name in names.values():
        if not (folder / name).is_file():
            raise TrackError(f"{folder}: no {name}; a MUSDB18-HQ song has {', '.join(names.values())}")
    stems = {stem: Source(folder / name) for stem, name in names.items()}
    return _track(
        "MUSDB18-HQ",
        folder.name,
        mixture=[stems["mixture"]],
        vocals=stems["vocals"],
        accompaniment=[stems[stem] for stem in sorted(setup["targets"]["accompaniment"])],
    )


def _stem_folders(root: Path) -> Iterator[Track]:
    """One folder per song: `vocals.*`; `accompaniment.*` or other stems; `mixture.*` unless it is their sum."""
    folders = _subfolders(_existing(root, "stems:DIR wants a folder that holds one folder per song"))
    if not folders:
        raise TrackError(f"{root}: no songs; expected one folder per song with vocals.* and its other stems")
    for folder in folders:
        yield _stem_folder_track(root.resolve().name, folder)


def _stem_folder_track(dataset: str, folder: Path) -> Track:
    stems: dict[str, Source] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in AUDIO_SUFFIXES or path.name.startswith(".") or not path.is_file():
            continue
        if path.stem in stems:
            raise TrackError(f"{folder}: {stems[path.stem].path.name} and {path.name} are the same stem; keep one")
        stems[path.stem] = Source(path)
    mixture = stems.pop("mixture", None)
    vocals = stems.pop("vocals", None)
    if vocals is None:
        raise TrackError(f"{folder}: no vocals; every song needs an audio file named vocals")
    accompaniment = [stems["accompaniment"]] if "accompaniment" in stems else list(stems.values())
    if not accompaniment:
        raise TrackError(f"{folder}: nothing but vocals; every song needs its accompaniment or its other stems")
    return _track(
        dataset,
        folder.name,
        mixture=[mixture] if mixture else [vocals, *accompaniment],
        vocals=vocals,
        accompaniment=accompaniment,
    )


def _track(
    dataset: str, name: str, *, mixture: Sequence[Source], vocals: Source, accompaniment: Sequence[Source]
) -> Track:
    """A song whose mixture and accompaniment are sums of sources."""
    infos = {source.path: _probe(source) for source in (*mixture, vocals, *accompaniment)}
    first, *others = infos.items()
    for path, info in others:
        if info.sample_rate != first[1].sample_rate:
            raise TrackError(
                f"{name}: {path} has {info.sample_rate} Hz, {first[0]} has {first[1].sample_rate} Hz; "
                "all stems of a song need one sample rate"
            )

    # a stream that does not say how long it is has to be decoded to find out
    samples = first[1].samples or len(_read(mixture[0]))
    # a partial of a function, unlike a closure, can be sent to another process
    load = functools.partial(_load, name, tuple(mixture), vocals, tuple(accompaniment))
    return Track(dataset, name, first[1].sample_rate, samples, load)


def _load(name: str, mixture: Sequence[Source], vocals: Source, accompaniment: Sequence[Source]) -> TrackAudio:
    heard = {source: _read(source) for source in dict.fromkeys((*mixture, vocals, *accompaniment))}
    longest = len(heard[mixture[0]])
    for source, waveform in heard.items():
        if len(waveform) != longest:
            raise TrackError(f"{name}: {source} has {len(waveform)} samples, {mixture[0]} has {longest}")
    return TrackAudio(
        _sum(heard[source] for source in mixture),
        {"vocals": heard[vocals], "accompaniment": _sum(heard[source] for source in accompaniment)},
    )


def _sum(waveforms: Iterable[np.ndarray]) -> np.ndarray:
    """Sum of `float32 (samples, channels)` waveforms."""
    return np.stack(list(waveforms)).sum(axis=0)


def _probe(source: Source) -> Any:
    try:
        return probe_audio(source.path)
    except VocalUnetError as error:
        raise TrackError(str(error)) from error


def _read(source: Source) -> np.ndarray:
    try:
        waveform, _ = read_audio(source.path, channels=CHANNELS, stream=source.stream)
    except VocalUnetError as error:
        raise TrackError(str(error)) from error
    return waveform


def _existing(folder: Path, advice: str) -> Path:
    if not folder.is_dir():
        raise TrackError(f"{folder}: no such folder; {advice}")
    return folder


def _subfolders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _package_folder(package: str) -> Path:
    """Where a package lies, without importing it: stempeg and musdb refuse to be imported without an ffmpeg binary."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise TrackError(f"the package {package} is not installed; install it to use its songs")
    return Path(spec.submodule_search_locations[0])


@cache
def _musdb_setup() -> Mapping[str, Any]:
    """musdb's own description of MUSDB18: stream numbers, file names and which stems make the accompaniment."""
    import yaml  # musdb's dependency, wanted for musdb's file only

    return yaml.safe_load((_package_folder("musdb") / "configs" / "mus.yaml").read_text(encoding="utf-8"))
