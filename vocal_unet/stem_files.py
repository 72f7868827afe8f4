"""Writes the stems of one song into files, all of them or none."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vocal_unet.audio import AudioWriter
from vocal_unet.clipping import CLIP_MODES, Clipping
from vocal_unet.config import require
from vocal_unet.errors import OutputError


@dataclass(frozen=True)
class StemFormat:
    """How stems are encoded; what `AudioWriter` and `Clipping` make of it."""

    codec: str = "wav"
    bitrate: str | int | None = "128k"
    sample_format: str = "int16"
    clip: str = "none"

    def __post_init__(self) -> None:
        require(self.clip in CLIP_MODES, f"clip must be one of {', '.join(CLIP_MODES)}, not {self.clip!r}")


@dataclass(frozen=True)
class WrittenStems:
    """What became of a song."""

    paths: dict[str, Path]
    samples: int
    """Per channel and stem."""
    gain: float
    """What all stems were multiplied by; 1 unless `clip="rescale"` had to."""
    clipped: dict[str, int]
    """Samples beyond ±1 that went to an integer format or a codec, per stem; empty where there were none."""


def write_stems(
    blocks: Iterable[Mapping[str, np.ndarray]],
    paths: Mapping[str, Path],
    sample_rate: int,
    channels: int,
    form: StemFormat,
) -> WrittenStems:
    """Write blocks of stems as they come; files get their names when the last sample is in.

    Args:
        blocks: float32 `(samples, channels)` per stem; must hold every stem of `paths`, may hold more.
        paths: where the stems go; those left out are not written.
        sample_rate: in Hz.
        channels: of every stem.
        form: codec and what goes with it.

    Raises:
        ConfigError: the codec cannot have these settings.
        OutputError: a file cannot be written. Then, and on any other exception, no file is left and none is replaced.
    """
    folder = next(iter(paths.values())).parent
    with ExitStack() as stack:
        writers = {
            stem: stack.enter_context(
                AudioWriter(
                    path,
                    sample_rate,
                    channels,
                    codec=form.codec,
                    bitrate=form.bitrate,
                    sample_format=form.sample_format,
                )
            )
            for stem, path in paths.items()
        }
        clipping = Clipping(form.clip, folder)
        for stems in _spool_errors(clipping(dict(block) for block in blocks), folder):
            for stem, writer in writers.items():
                writer.write(stems[stem])
    keeps_all = form.codec == "wav" and form.sample_format == "float32"
    clipped = {} if keeps_all else {stem: writer.clipped for stem, writer in writers.items() if writer.clipped}
    return WrittenStems(dict(paths), next(iter(writers.values())).samples, clipping.gain, clipped)


def _spool_errors(blocks: Iterator[dict[str, np.ndarray]], folder: Path) -> Iterator[dict[str, np.ndarray]]:
    """Say which folder is full when the temporary file of `rescale` does not fit."""
    try:
        yield from blocks
    except OSError as error:
        reason = error.strerror or os.strerror(error.errno or 0)
        raise OutputError(f"{folder}: no room for the song's samples ({reason}); free space there") from None
