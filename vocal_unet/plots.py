"""A song before and after: spectrograms of the mixture and its stems in one picture, for songs of any length."""

from __future__ import annotations

import os
import secrets
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vocal_unet.audio import decode_blocks
from vocal_unet.errors import ConfigError, OutputError
from vocal_unet.spectrogram import log_spectrogram, row_edges

RANGE_DB = 80.0
ROWS = 200
COLUMNS = 1200


def require_matplotlib() -> None:
    """Say so before any work when pictures cannot be drawn.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise ConfigError("pictures need matplotlib; install it with: pip install 'vocal-unet[plot]'") from None


def plot_separation(
    path: Path,
    song: Path,
    stems: Mapping[str, Path],
    *,
    sample_rate: int,
    samples: int,
    offset: float = 0.0,
    duration: float | None = None,
) -> None:
    """Read the song and its written stems once more, block by block, and draw them on one scale.

    Args:
        path: the picture to write, replacing an older one.
        song: the file that was separated.
        stems: stem -> the file it was written to.
        sample_rate: of the stems, Hz.
        samples: of the stems.
        offset: where in the song the stems begin, seconds.
        duration: how much of the song was separated, seconds.

    Raises:
        ConfigError: matplotlib is not installed.
        AudioError: a file cannot be read again.
        OutputError: the picture cannot be written.
    """
    require_matplotlib()
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    blocks = {"mixture": decode_blocks(song, sample_rate=sample_rate, offset=offset, duration=duration)}
    blocks |= {stem: decode_blocks(file, sample_rate=sample_rate) for stem, file in stems.items()}
    levels = {
        name: log_spectrogram(waveform, sample_rate, samples, rows=ROWS, columns=COLUMNS)
        for name, waveform in blocks.items()
    }
    top = max(float(level.max()) for level in levels.values())
    edges = row_edges(sample_rate, ROWS)
    times = offset + np.linspace(0, samples / sample_rate, COLUMNS + 1)
    temporary = path.with_name(f".{path.stem[:50]}.{secrets.token_hex(4)}{path.suffix}")
    # a dollar sign in a file's name is no formula, and an emoji that is drawn as a box no reason to talk
    with rc_context({"text.parse_math": False, "font.size": 9}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*Glyph.*missing")
        figure = Figure(figsize=(10, 0.6 + 1.9 * len(levels)), layout="constrained")
        rows = figure.subplots(len(levels), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        for axes, (name, level) in zip(rows, levels.items(), strict=True):
            shown = axes.pcolormesh(times, edges, level - top, cmap="magma", vmin=-RANGE_DB, vmax=0, rasterized=True)
            axes.set_title(name, loc="left", fontsize=9)
            axes.set_ylabel("Hz")
        rows[0].set_yscale("log")
        rows[0].set_yticks([hertz for hertz in (100, 300, 1000, 3000, 10000) if hertz < edges[-1]])
        rows[0].yaxis.set_major_formatter(lambda hertz, _: f"{hertz:g}")
        rows[0].minorticks_off()
        rows[-1].set_xlabel("seconds")
        figure.suptitle(song.name, fontsize=10, x=0.01, ha="left")
        figure.colorbar(shown, ax=list(rows), label="dB below the loudest", fraction=0.03, pad=0.01)
        try:
            figure.savefig(temporary, dpi=120)
            os.replace(temporary, path)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
        finally:
            temporary.unlink(missing_ok=True)
