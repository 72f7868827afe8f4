"""Separates many songs: one that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

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
            _failed(song, error, outcome, reporter)
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
        KeyboardInterrupt, SystemExit: as they came, after the song at work has been cleaned up and reported.
    """
    chosen = separator.chosen(settings.stems)
    paths = {
        song: output_paths(song, settings.output, chosen, settings.filename_format, settings.form.codec)
        for song in infos
    }
    require_distinct(paths)
    for song, info in infos.items():
        if settings.skip_existing and all(path.is_file() for path in paths[song].values()):
            outcome.skipped.append(song)
            reporter.skipped(song)
            continue
        try:
            _separate_song(separator, info, paths[song], settings, reporter)
            outcome.done.append(song)
        except VocalUnetError as error:
            _failed(song, error, outcome, reporter)
        except (KeyboardInterrupt, SystemExit):
            reporter.interrupted(song)
            raise


def _separate_song(
    separator: Separator, info: AudioInfo, paths: Mapping[str, Path], settings: BatchSettings, reporter: Reporter
) -> None:
    rate = info.sample_rate if settings.keep_sample_rate else separator.sample_rate
    seconds = None if info.duration is None else max(0.0, info.duration - settings.offset)
    if seconds is not None and settings.duration is not None:
        seconds = min(seconds, settings.duration)
    reporter.started(info.path, seconds)
    blocks = separator.stream_file(
        info.path,
        offset=settings.offset,
        duration=settings.duration,
        sample_rate=rate,
        progress=lambda samples: reporter.progress(info.path, samples / rate),
    )
    written = write_stems(blocks, paths, rate, separator.framing.channels, settings.form)
    if settings.plot:
        _plot(info.path, written, rate, settings)
    reporter.done(info.path, written)


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


def _failed(song: Path, error: VocalUnetError, outcome: Outcome, reporter: Reporter) -> None:
    outcome.failed.append((song, error))
    reporter.failed(song, error)
