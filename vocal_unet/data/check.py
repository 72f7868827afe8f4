"""Listens to a whole data set, one song at a time, and says what is wrong with it in one line each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vocal_unet.data.musdb import musdb_songs
from vocal_unet.data.songs import SAMPLE_RATE, Song
from vocal_unet.data.sources import SongSet, without_target
from vocal_unet.errors import DataError, VocalUnetError

SILENT_DB = -70.0
"""A stem whose loudest second is quieter than this, relative to full scale, counts as silent."""
MIXTURE_DB = -12.0
"""A mixture that differs from the sum of its stems by more than this, relative to itself, is another mix. A real one differs
too, by mastering and coding: that of MUSDB18's Falcon 69 by -15 dB."""
CLIPPED_SAMPLES = 3
"""So many samples in a row at full scale are clipped, not only loud."""
SAME_SONG = 0.99
"""Correlation of two songs' loudness curves from which they count as one."""


@dataclass
class Report:
    """What was found."""

    songs: int = 0
    seconds: float = 0.0
    formats: Counter[str] = field(default_factory=Counter)
    """Files by rate and channels: `44100 Hz stereo`."""
    unusable: list[str] = field(default_factory=list)
    """One line per song that training would refuse or skip."""
    remarks: list[str] = field(default_factory=list)
    """One line per oddity of a song that can be used."""
    shared: list[str] = field(default_factory=list)
    """One line per song that is also in the test set."""


def check_songs(
    songs: SongSet, target: str, test: Sequence[Song] = (), progress: Callable[[], None] | None = None
) -> Report:
    """Decode every song once.

    Args:
        songs: what training would use.
        target: the stem it would learn.
        test: songs that must not be among them.
        progress: called after each song of both.

    Returns:
        Counts and findings; memory holds one song at a time.
    """
    report = Report()
    curves: list[tuple[Song, np.ndarray]] = []
    missing = without_target(songs, target)
    for song in songs.songs:
        report.songs += 1
        try:
            curves.append((song, _examine(song, target, report, missing.get(id(song)))))
        except VocalUnetError as error:
            report.unusable.append(str(error))
        if progress:
            progress()
    for song in test:
        try:
            curve = loudness_curve(_sum(song.stems()))
        except VocalUnetError as error:
            report.remarks.append(f"test song {song.name}: not compared ({error})")
        else:
            for other, known in curves:
                if _same_name(song.name, other.name) or same_song(curve, known):
                    report.shared.append(f"{other.name}: is in the test set too, as {song.name}; leave one out")
        if progress:
            progress()
    return report


def musdb_test_songs(spec: str) -> list[Song]:
    """The test songs beside the training songs that `musdb:FOLDER` means; none for other specs or where there are none."""
    kind, _, folder = spec.partition(":")
    if kind != "musdb" or folder == "sample" or not (Path(folder).expanduser() / "test").is_dir():
        return []
    return musdb_songs(Path(folder).expanduser(), "test")


def _examine(song: Song, target: str, report: Report, missing: str | None) -> np.ndarray:
    """Add a song's findings to the report; returns its loudness curve."""
    fault = song.fault() or missing
    if fault is not None:
        raise DataError(fault)
    formats = {f"{info.sample_rate} Hz {_channels(info.channels)}" for info in song.infos().values()}
    report.formats.update(formats)
    if len(formats) > 1:
        report.remarks.append(f"{song.name}: its stems are {' and '.join(sorted(formats))}; they are converted")
    elif formats and not formats & {"44100 Hz stereo"}:
        report.remarks.append(f"{song.name}: is {formats.pop()}; it is converted to 44100 Hz stereo")
    stems = song.stems()
    report.seconds += len(next(iter(stems.values()))) / SAMPLE_RATE
    for name, samples in stems.items():
        if loudness_curve(samples).max(initial=-200.0) < SILENT_DB:
            report.remarks.append(f"{song.name}: {name} is silent")
        clipped = count_clipped(samples)
        if clipped:
            report.remarks.append(f"{song.name}: {name} is clipped, {clipped} samples at full scale")
    total = _sum(stems)
    report.remarks += _compare_mixture(song, total)
    return loudness_curve(total)


def _compare_mixture(song: Song, total: np.ndarray) -> list[str]:
    try:
        mixture = song.mixture()
    except VocalUnetError as error:
        return [f"{song.name}: its mixture is not used, which is as well: {error}"]
    if mixture is None:
        return []
    if len(mixture) != len(total):
        return [f"{song.name}: the mixture has {len(mixture)} samples, the stems {len(total)}; the stems' sum is used"]
    difference = _decibels(np.mean((mixture - total) ** 2)) - _decibels(np.mean(mixture**2))
    if difference > MIXTURE_DB:
        return [
            f"{song.name}: the mixture is not the sum of its stems ({difference:.0f} dB off); the stems' sum is used"
        ]
    return []


def loudness_curve(samples: np.ndarray) -> np.ndarray:
    """Level of every tenth of a second in dB of full scale, float `(samples // 4410 + 1,)`."""
    block = SAMPLE_RATE // 10
    padded = np.zeros((len(samples) // block + 1) * block)
    padded[: len(samples)] = (samples.astype(np.float64) ** 2).mean(axis=1)
    return _decibels(padded.reshape(-1, block).mean(axis=1))


def same_song(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two loudness curves belong to one recording, in whatever format: equally long to 0.2 s, and alike."""
    length = min(len(one), len(other))
    if abs(len(one) - len(other)) > 2 or length < 20:
        return False
    one, other = np.maximum(one[:length], SILENT_DB), np.maximum(other[:length], SILENT_DB)
    if min(one.std(), other.std()) < 1e-6:
        return False
    return bool(np.corrcoef(one, other)[0, 1] > SAME_SONG)


def count_clipped(samples: np.ndarray) -> int:
    """Samples in runs of at least `CLIPPED_SAMPLES` at full scale, of `(samples, channels)`."""
    full = np.abs(samples) >= 32766 / 32768
    if not full.any():
        return 0
    runs = np.lib.stride_tricks.sliding_window_view(full, CLIPPED_SAMPLES, axis=0).all(axis=-1)
    inside = np.zeros_like(full)
    for shift in range(CLIPPED_SAMPLES):
        inside[shift : len(full) - CLIPPED_SAMPLES + 1 + shift] |= runs
    return int(inside.sum())


def describe_sources(songs: SongSet) -> list[str]:
    """One line per source: how many songs, which stems, which share of the examples."""
    total = sum(source.weight for source in songs.sources)
    lines = []
    for source in songs.sources:
        stems = sorted({stem for song in source.songs for stem in song.stem_names})
        held = sum(song.split == "validation" for song in source.songs)
        lines.append(
            f"{source.name}: {len(source.songs)} songs ({', '.join(stems)}), share {source.weight / total:.0%}"
            + (f", {held} of them listed for validation" if held else "")
        )
    return lines


def _sum(stems: dict[str, np.ndarray]) -> np.ndarray:
    return np.stack(list(stems.values())).sum(axis=0)


def _decibels(power: np.ndarray | np.floating) -> np.ndarray:
    return 10 * np.log10(np.maximum(power, 1e-20))


def _channels(count: int) -> str:
    return {1: "mono", 2: "stereo"}.get(count, f"{count} channels")


def _same_name(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()
