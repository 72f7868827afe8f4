"""Opens a sound file with the library that reads it best: libsndfile where it is exact, FFmpeg for the rest."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from vocal_unet.audio.exact import SoundFileSource, open_exact
from vocal_unet.audio.ffmpeg import FFmpegSource
from vocal_unet.audio.sources import AudioInfo, Source, no_such_stream
from vocal_unet.errors import AudioError


def open_source(path: str | os.PathLike, stream: int = 0) -> Source:
    """Open a sound file by its content; its suffix does not matter.

    Args:
        path: a regular file.
        stream: which of its audio streams, counted from 0.

    Raises:
        AudioError: no such file, a folder, unreadable, no audio in it, no such stream, or cut short.
    """
    path = Path(path)
    _require_readable(path)
    exact = open_exact(path)
    source: Source = FFmpegSource(path, stream) if exact is None else SoundFileSource(path, exact)
    if not 0 <= stream < source.info.streams:
        source.close()
        raise no_such_stream(path, stream, source.info.streams)
    if source.info.samples == 0:
        source.close()
        raise AudioError(f"{path}: holds no samples; give a file with sound in it")
    return source


def probe_audio(path: str | os.PathLike, stream: int = 0) -> AudioInfo:
    """Read rate, channels and length of a sound file (and of one of its streams).

    Raises:
        AudioError: as `decode_blocks`, as far as it shows without decoding the whole file.
    """
    with open_source(path, stream) as source:
        return source.info


def _require_readable(path: Path) -> None:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise AudioError(f"{path}: is a folder; give a sound file")
        if not stat.S_ISREG(mode):
            raise AudioError(f"{path}: is not a regular file; save the sound to a file first")
        with path.open("rb") as file:
            empty = not file.read(1)
    except FileNotFoundError:
        raise AudioError(f"{path}: no such file; check the name") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise AudioError(f"{path}: cannot be read ({reason}); check the name and its permissions") from None
    if empty:
        raise AudioError(f"{path}: is empty; give a file with sound in it")
