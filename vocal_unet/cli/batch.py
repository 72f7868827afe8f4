"""Separates many songs: one that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vocal_unet import console
from vocal_unet.audio import AudioInfo, probe_audio
from vocal_unet.cli.reporting import Outcome, Reporter
from vocal_unet.errors import VocalUnetError
from vocal_unet.naming import output_paths, require_distinct
from vocal_unet.stem_files import StemFormat, WrittenStems, write_stems

if TYPE_CHECKING:
    from vocal_unet.separator import Separator

PICTURE = "spectrogram"
"""What stands for the stem in a picture's file name."""


@dataclass(frozen=True)
class BatchSettings:
    """What is done with every song; as in `Separator.separate_to_file`."""

    output: Path
    filename_format: str
    stems: Sequence[str] | None
    form: StemFormat
    offset: float
    duration: float | None
    keep_sample_rate: bool
    skip_existing: bool
    plot: bool = False
    """Draw each song before and after, next to its stems."""


def probe_songs(songs: Sequence[Path], outcome: Outcome, reporter: Reporter) -> dict[Path, AudioInfo]:
    """The songs that can be opened; the others go to `outcome.failed` before a model is loaded for them."""
    infos = {}
    for song in songs:
        try:
            infos[song] = probe_audio(song)
        except VocalUnetError as error:
            failed(song, error, outcome, reporter)
    return infos


def separate_songs(
    separator: Separator,
    infos: Mapping[Path, AudioInfo],
    settings: BatchSettings,
    outcome: Outcome,
    reporter: Reporter,
) -> None:
    """Separate songs one after the other.

    Raises:
        ConfigError: before anything is written: a file would be written twice or replace a song, or a stem is unknown.
        typer.Exit, SystemExit: of Ctrl-C and SIGTERM, after the song at work has been cleaned up and reported.
    """
    for song, paths in songs_to_do(separator, infos, settings, outcome, reporter).items():
        try:
            reporter.done(song, separate_song(separator, infos[song], paths, settings, reporter))
            outcome.done.append(song)
        except VocalUnetError as error:
            failed(song, error, outcome, reporter)
        except KeyboardInterrupt:
            reporter.interrupted(song)
            raise typer.Exit(console.INTERRUPTED) from None
        except SystemExit:
            reporter.interrupted(song)
            raise


def songs_to_do(
    separator: Separator,
    infos: Mapping[Path, AudioInfo],
    settings: BatchSettings,
    outcome: Outcome,
    reporter: Reporter,
) -> dict[Path, dict[str, Path]]:
    """The songs that are not to be skipped, with the file of each stem.

    Raises:
        ConfigError: a file would be written twice or replace a song, or a stem is unknown.
    """
    chosen = separator.chosen(settings.stems)
    paths = {
        song: output_paths(song, settings.output, chosen, settings.filename_format, settings.form.codec)
        for song in infos
    }
    require_distinct(paths)
    for song in infos:
        if settings.skip_existing and all(path.is_file() for path in paths[song].values()):
            outcome.skipped.append(song)
            reporter.skipped(song)
            del paths[song]
    return paths


def separate_song(
    separator: Separator,
    info: AudioInfo,
    paths: Mapping[str, Path],
    settings: BatchSettings,
    reporter: Reporter | None = None,
) -> WrittenStems:
    """Separate one song; `reporter` hears of its beginning and its progress.

    Raises:
        AudioError: the song cannot be read.
        OutputError: a stem cannot be written.
    """
    rate = info.sample_rate if settings.keep_sample_rate else separator.sample_rate
    progress = None
    if reporter is not None:
        reporter.started(info.path, song_seconds(info, settings))
        progress = lambda samples: reporter.progress(info.path, samples / rate)  # noqa: E731
    blocks = separator.stream_file(
        info.path,
        offset=settings.offset,
        duration=settings.duration,
        sample_rate=rate,
        progress=progress,
    )
    written = write_stems(blocks, paths, rate, separator.framing.channels, settings.form)
    if settings.plot:
        _plot(info.path, written, rate, settings)
    return written


def _plot(song: Path, written: WrittenStems, rate: int, settings: BatchSettings) -> None:
    from vocal_unet.plots import plot_separation

    (path,) = output_paths(song, settings.output, [PICTURE], settings.filename_format, "png").values()
    plot_separation(
        path,
        song,
        written.paths,
        sample_rate=rate,
        samples=written.samples,
        offset=settings.offset,
        duration=settings.duration,
    )


def song_seconds(info: AudioInfo, settings: BatchSettings) -> float | None:
    """How much of the song is separated; None where the file does not say how long it is."""
    if info.duration is None:
        return None
    seconds = max(0.0, info.duration - settings.offset)
    return seconds if settings.duration is None else min(seconds, settings.duration)


def failed(song: Path, error: VocalUnetError, outcome: Outcome, reporter: Reporter) -> None:
    """Note and tell that a song could not be separated."""
    outcome.failed.append((song, error))
    reporter.failed(song, error)
