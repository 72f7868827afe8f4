"""`-` for standard input and output: raw samples from and to other programs."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vocal_unet.audio import probe_audio
from vocal_unet.audio.pcm import pcm_bytes, read_pcm
from vocal_unet.cli.batch import BatchSettings
from vocal_unet.cli.reporting import Outcome, Reporter
from vocal_unet.clipping import Clipping
from vocal_unet.naming import output_paths
from vocal_unet.rates import resampled
from vocal_unet.stem_files import write_stems

if TYPE_CHECKING:
    from vocal_unet.separator import Separator

PIPE = Path("-")
STDIN_NAME = "stdin"
"""Stands for {filename} where the song came through a pipe."""


@dataclass(frozen=True)
class RawFormat:
    """What raw samples look like: FFmpeg's name of the format, rate in Hz, channels of the input."""

    name: str = "s16le"
    sample_rate: int = 44100
    channels: int = 2


def separate_pipe(
    separator: Separator, song: Path, settings: BatchSettings, raw: RawFormat, outcome: Outcome, reporter: Reporter
) -> None:
    """Separate one song that comes from standard input, goes to standard output, or both.

    On standard output the stems chosen are interleaved: all channels of the first, then of the second, in every frame.

    Raises:
        VocalUnetError: the song cannot be read, or its stems cannot be written.
    """
    chosen = separator.chosen(settings.stems)
    from_pipe = song == PIPE
    rate_in = raw.sample_rate if from_pipe else probe_audio(song).sample_rate
    rate = rate_in if settings.keep_sample_rate else separator.sample_rate

    def progress(samples: int) -> None:
        reporter.progress(song, samples / rate)

    reporter.started(song, None)
    if from_pipe:
        blocks = read_pcm(sys.stdin.buffer, raw.name, raw.channels)
        if rate_in != rate:
            blocks = resampled(blocks, rate_in, rate)
        stems = separator.stream(blocks, sample_rate=rate, progress=progress)
    else:
        stems = separator.stream_file(
            song, offset=settings.offset, duration=settings.duration, sample_rate=rate, progress=progress
        )
    if settings.output != PIPE:
        paths = output_paths(
            STDIN_NAME if from_pipe else song, settings.output, chosen, settings.filename_format, settings.form.codec
        )
        reporter.done(song, write_stems(stems, paths, rate, separator.framing.channels, settings.form))
    else:
        _write_stdout(stems, chosen, raw.name, settings.form.clip)
    outcome.done.append(song)


def _write_stdout(stems: Iterator[dict[str, np.ndarray]], chosen: tuple[str, ...], name: str, clip: str) -> None:
    clipping = Clipping(clip, Path(tempfile.gettempdir()))
    for block in clipping(stems):
        sys.stdout.buffer.write(pcm_bytes(np.concatenate([block[stem] for stem in chosen], axis=1), name))
        sys.stdout.buffer.flush()
