"""From what a user types to songs: specs, weighted unions, the split for validation, songs that cannot be used."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vocal_unet.data.folders import loose_recordings, spleeter_csv, stem_folders
from vocal_unet.data.musdb import musdb_songs, sample_folder
from vocal_unet.data.prepared import prepared_sources
from vocal_unet.data.songs import GENERATED_SECONDS, GeneratedSong, PartOfSong, Song
from vocal_unet.errors import DataError

KINDS = ("generated", "stems", "musdb", "voices", "loose", "spleeter-csv", "prepared", "only")
KNOWN_SPECS = (
    "generated:N[:SEED[:SECONDS]], stems:FOLDER, musdb:FOLDER, musdb:sample, voices:FOLDER, loose:STEM:FOLDER, "
    "spleeter-csv:FILE[,FOLDER], prepared:FOLDER, only:STEM,STEM:any of these, and sums of these such as stems:A*2+voices:B"
)
_PLUS = re.compile(rf"\+(?=(?:{'|'.join(KINDS)}):)")


@dataclass(frozen=True)
class Source:
    """Songs that are drawn with one weight."""

    name: str
    weight: float
    songs: tuple[Song, ...]


@dataclass(frozen=True)
class SongSet:
    """Sources to draw songs from; a source's weight is its share of the examples, however many songs it holds."""

    sources: tuple[Source, ...]

    @property
    def songs(self) -> list[Song]:
        """All songs, in order."""
        return [song for source in self.sources for song in source.songs]

    def __len__(self) -> int:
        return len(self.songs)

    def where(self, keep: Callable[[Song], bool]) -> SongSet:
        """The songs that `keep` says yes to; sources without any are dropped."""
        kept = [dataclasses.replace(s, songs=tuple(filter(keep, s.songs))) for s in self.sources]
        return SongSet(tuple(source for source in kept if source.songs))


def open_songs(spec: str) -> SongSet:
    """The songs a user means by `--data`.

    Args:
        spec: one of the following, or several joined by `+`, each with `*WEIGHT` after it where it should not be 1.
            `generated:N`, `generated:N:SEED` or `generated:N:SEED:SECONDS`, N songs from the generator, of two minutes where
            nothing else is said; `stems:FOLDER`, a folder of stems per song, with any names; `musdb:FOLDER`, MUSDB18 or
            MUSDB18-HQ; `musdb:sample`, its free excerpts, downloaded;
            `voices:FOLDER`, a tree of voices alone; `loose:STEM:FOLDER`, the same of another stem;
            `spleeter-csv:FILE` or `spleeter-csv:FILE,FOLDER`; `prepared:FOLDER`, made by `vocal-unet data prepare`;
            `only:STEM,STEM:SPEC`, just these stems of what another of them means.

    Returns:
        The songs, in a fixed order; nothing is decoded or generated yet.

    Raises:
        DataError: the spec is none of these, or a folder holds no song.
    """
    return SongSet(tuple(source for part in _PLUS.split(spec) for source in _open(part)))


def _open(part: str) -> list[Source]:
    match = re.fullmatch(r"(.+)\*(\d+(?:\.\d+)?)", part)
    spec, weight = (match[1], float(match[2])) if match else (part, 1.0)
    if not weight > 0:
        raise DataError(f"{part!r}: a weight must be above 0")
    kind, _, rest = spec.partition(":")
    if kind not in KINDS or not rest:
        raise DataError(f"{spec!r} is no known kind of data; known are {KNOWN_SPECS}")
    if kind == "only":
        stems, _, inner = rest.partition(":")
        if not stems or not inner:
            raise DataError(f"{spec!r} must be only:STEM,STEM:SPEC")
        return _only(_open(inner), stems.split(","), weight)
    if kind == "prepared":
        return [Source(n, w * weight, s) for n, w, s in prepared_sources(Path(rest).expanduser())]
    return [Source(spec, weight, tuple(_songs(kind, rest, spec)))]


def _songs(kind: str, rest: str, spec: str) -> list[Song]:
    if kind == "generated":
        return _generated(rest, spec)
    if kind == "musdb":
        return musdb_songs(sample_folder() if rest == "sample" else Path(rest).expanduser())
    if kind == "voices":
        return loose_recordings("vocals", Path(rest).expanduser())
    if kind == "loose":
        stem, _, folder = rest.partition(":")
        if not stem or not folder:
            raise DataError(f"{spec!r} must be loose:STEM:FOLDER")
        return loose_recordings(stem, Path(folder).expanduser())
    if kind == "spleeter-csv":
        file, _, folder = rest.partition(",")
        return spleeter_csv(Path(file).expanduser(), Path(folder).expanduser() if folder else None)
    return stem_folders(Path(rest).expanduser())


def _only(sources: list[Source], wanted: list[str], weight: float) -> list[Source]:
    """Just the stems in `wanted`; songs and sources that have none of them are left out."""
    known = {stem for source in sources for song in source.songs for stem in song.stem_names}
    for stem in wanted:
        if stem not in known:
            raise DataError(f"no song of {sources[0].name} has a stem named {stem!r}, only {', '.join(sorted(known))}")

    def part(source: Source) -> Source:
        names = [(song, tuple(stem for stem in song.stem_names if stem in wanted)) for song in source.songs]
        songs = tuple(PartOfSong(song, stems) for song, stems in names if stems)
        return Source(f"only:{','.join(wanted)}:{source.name}", source.weight * weight, songs)

    return [source for source in map(part, sources) if source.songs]


def _generated(rest: str, spec: str) -> list[Song]:
    match = re.fullmatch(r"(\d+)(?::(\d+)(?::(\d+))?)?", rest)
    if not match or int(match[1]) < 1 or int(match[3] or 1) < 1:
        raise DataError(f"{spec!r} must be generated:N[:SEED[:SECONDS]] with whole numbers, N and SECONDS at least 1")
    count, seed, seconds = int(match[1]), int(match[2] or 0), float(match[3] or GENERATED_SECONDS)
    # A sequence instead of a sum, so that songs of different seeds never coincide.
    seeds = np.random.SeedSequence(seed).generate_state(count).tolist()
    return [GeneratedSong(f"generated-{seed}-{index:04d}", song_seed, seconds) for index, song_seed in enumerate(seeds)]


def without_target(songs: SongSet, target: str) -> dict[int, str]:
    """`id` of each song that should have the target and has not → the reason, in a line.

    Beside others, a source in which no song has it is one of accompaniments; lone recordings may be of anything.
    """

    def has(some: Iterable[Song]) -> bool:
        return any(target in song.stem_names for song in some)

    wanted = [source for source in songs.sources if has(source.songs)] or songs.sources
    return {
        id(song): f"{song.name}: has no stem named {target}, but {', '.join(song.stem_names)}"
        for source in wanted
        for song in source.songs
        if len(song.stem_names) > 1 and target not in song.stem_names
    }


def usable_songs(
    songs: SongSet, target: str, bad_songs: str = "refuse", progress: Callable[[], None] | None = None
) -> tuple[SongSet, list[str]]:
    """Look at every file's header and keep the songs that can be used.

    Args:
        songs: all of them.
        target: the stem to learn; a song of several stems needs it where any song of its source has it.
        bad_songs: `refuse` or `skip`.
        progress: called after each song.

    Returns:
        The usable songs, and one line per song that is left out.

    Raises:
        DataError: there are unusable songs and `bad_songs` is `refuse`; or no target or no accompaniment is left.
    """
    faults: dict[int, str] = {}
    missing = without_target(songs, target)
    for song in songs.songs:
        fault = song.fault() or missing.get(id(song))
        if fault is not None:
            faults[id(song)] = fault
        if progress:
            progress()
    lines = list(faults.values())
    if lines and bad_songs == "refuse":
        more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
        raise DataError(
            f"{len(lines)} of {len(songs)} songs cannot be used: {lines[0]}{more}; "
            "'vocal-unet data check' lists them, bad_songs=skip leaves them out"
        )
    kept = songs.where(lambda song: id(song) not in faults)
    stems = {stem for song in kept.songs for stem in song.stem_names}
    if target not in stems or len(stems) < 2:
        raise DataError(
            f"no usable song has {'anything but ' if target in stems else ''}the stem {target}"
            + (f"; {len(lines)} were left out, first {lines[0]}" if lines else f", only {', '.join(sorted(stems))}")
        )
    return kept, lines


def split_songs(songs: SongSet, share: float) -> tuple[SongSet, SongSet]:
    """Songs for training, and those for validation.

    Songs that a data set lists for validation go there. Of every other source the last songs go (`share` of them, at least
    one where there are two), loose recordings of one stem only where no song has both target and accompaniment.

    Raises:
        DataError: there is only one song.
    """
    whole = [song for song in songs.songs if len(song.stem_names) > 1]
    held: set[int] = {id(song) for song in songs.songs if song.split == "validation"}
    for source in songs.sources:
        candidates = [song for song in source.songs if not whole or len(song.stem_names) > 1]
        if len(candidates) > 1 and not held & {id(song) for song in candidates}:
            count = min(len(candidates) - 1, max(1, round(share * len(candidates))))
            held |= {id(song) for song in candidates[-count:]}
    training, validation = songs.where(lambda s: id(s) not in held), songs.where(lambda s: id(s) in held)
    if not len(training) or not len(validation):
        names = ", ".join(song.name for song in songs.songs)
        raise DataError(f"training needs at least two songs, one of them for validation; there is only {names}")
    return training, validation


def describe_length(seconds: float) -> str:
    """`75 s`, `12 min` or `3.4 h`."""
    if seconds < 120:
        return f"{math.ceil(seconds)} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
