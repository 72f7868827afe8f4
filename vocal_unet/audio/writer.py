"""Writes sound files whole or not at all: under a temporary name until the last sample is in."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

import av
import numpy as np
import soundfile

from vocal_unet.audio.encoders import Encoder, FFmpegEncoder, SoundFileEncoder, Target
from vocal_unet.config import require
from vocal_unet.errors import OutputError

_ENCODERS: dict[str, Callable[[Target], Encoder]] = {
    "wav": lambda target: SoundFileEncoder(target, "WAV"),
    "flac": lambda target: SoundFileEncoder(target, "FLAC"),
    "mp3": lambda target: FFmpegEncoder(target, "mp3", "libmp3lame"),
    "ogg": lambda target: SoundFileEncoder(target, "OGG"),
    "m4a": lambda target: FFmpegEncoder(target, "ipod", "aac"),
    "wma": lambda target: FFmpegEncoder(target, "asf", "wmav2"),
}
CODECS = tuple(_ENCODERS)
STEREO_ONLY = {"mp3", "m4a", "wma"}
SAMPLE_FORMATS = ("int16", "int24", "float32")
DEFAULT_BIT_RATE = 128_000
BIT_RATES = range(8_000, 1_000_001)
_AT_ONCE = 65536
"""Samples that are checked and converted together: a few of a song's seconds fit into the caches and cost no memory."""


class AudioWriter:
    """Writes one sound file block by block; use as a context manager.

    On a clean exit the file appears under `path`, replacing what was there; on any exception (Ctrl-C included) nothing
    is left and what was there stays. Missing parent folders are made.

    Lengths, measured by decoding again with `decode_blocks`: wav, flac, mp3, ogg and m4a come back with the same number
    of samples, aligned to the sample; wma aligned, but filled up with silence to whole frames (under 4096 samples).
    """

    def __init__(
        self,
        path: str | os.PathLike,
        sample_rate: int,
        channels: int,
        *,
        codec: str | None = None,
        bitrate: str | int | None = None,
        sample_format: str = "int16",
    ) -> None:
        """Check the settings; the file is opened by `with`.

        Args:
            path: the file to make.
            sample_rate: in Hz.
            channels: mp3, m4a and wma take 1 or 2.
            codec: one of `CODECS` (Spleeter's); None takes it from the suffix of `path`.
            bitrate: of mp3, ogg, m4a and wma: bits per second, or "128k"; None is Spleeter's 128k. mp3, m4a and
                wma aim at it, ogg takes the Vorbis quality with that nominal rate. wav and flac ignore it.
            sample_format: of wav and flac: "int16", "int24", and for wav "float32". The others ignore it.

        Raises:
            ConfigError: a setting is unknown or out of range.
        """
        self.path = Path(path)
        self.codec = self.path.suffix[1:].lower() if codec is None else codec
        known = ", ".join(CODECS)
        require(
            self.codec in CODECS, f"{self.path}: cannot write {self.codec or 'without a suffix'!r}; use one of {known}"
        )
        require(sample_rate >= 1, f"sample_rate must be at least 1 Hz, not {sample_rate}")
        require(channels >= 1, f"channels must be at least 1, not {channels}")
        require(
            channels <= 2 or self.codec not in STEREO_ONLY,
            f"{self.path}: {self.codec} is written with 1 or 2 channels, not {channels}; use wav or flac",
        )
        require(
            sample_format in SAMPLE_FORMATS,
            f"sample_format must be one of {', '.join(SAMPLE_FORMATS)}, not {sample_format!r}",
        )
        require(
            not (self.codec == "flac" and sample_format == "float32"),
            f"{self.path}: flac holds int16 or int24, not float32; use wav",
        )
        self.sample_rate, self.channels = sample_rate, channels
        self.clipped = 0
        """Sample values beyond ±1 so far: clipped in integer formats, kept in float wav, up to the codec elsewhere."""
        self.samples = 0
        """Samples per channel so far."""
        self._temporary = self.path.with_name(f".{self.path.stem}.{secrets.token_hex(4)}.part{self.path.suffix}")
        self._target = Target(self._temporary, sample_rate, channels, sample_format, parse_bitrate(bitrate))
        self._encoder: Encoder | None = None
        self._made: list[Path] = []

    def __enter__(self) -> AudioWriter:
        """Open the temporary file.

        Raises:
            OutputError: the folder cannot be made or written to, `path` is a folder, or the codec refuses the settings.
        """
        if self.path.is_dir():
            raise OutputError(f"{self.path}: is a folder; give the name of a file")
        try:
            with self._one_line_errors():
                self._made = [folder for folder in self.path.parents if not folder.exists()]
                self.path.parent.mkdir(parents=True, exist_ok=True)
                # The libraries report a missing permission or a full disk less clearly than the system does.
                self._temporary.open("xb").close()
                self._encoder = _ENCODERS[self.codec](self._target)
        except BaseException:
            self._temporary_away()
            raise
        return self

    def write(self, block: np.ndarray) -> None:
        """Append `float (n, channels)`, any n.

        Raises:
            OutputError: the block has another shape or holds NaN or infinite samples, or the disk is full.
        """
        if self._encoder is None:
            raise OutputError(f"{self.path}: is not open; write inside a with block")
        block = np.asarray(block, dtype=np.float32)
        if block.ndim != 2 or block.shape[1] != self.channels:
            raise OutputError(f"{self.path}: expects blocks (samples, {self.channels}), not {block.shape}")
        for start in range(0, len(block), _AT_ONCE):
            part = block[start : start + _AT_ONCE]
            if not np.isfinite(part).all():
                raise OutputError(
                    f"{self.path}: samples from {self.samples} on are not finite numbers; check what made them"
                )
            self.clipped += int(np.count_nonzero(np.abs(part) > 1))
            with self._one_line_errors():
                self._encoder.write(part)
            self.samples += len(part)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the file and give it its name; delete it, and folders made for it alone, if there was an error.

        Raises:
            OutputError: nothing was written, the disk is full, or `path` cannot be replaced.
        """
        encoder, self._encoder = self._encoder, None
        assert encoder is not None
        try:
            if kind is None:
                if not self.samples:
                    raise OutputError(f"{self.path}: no samples to write; nothing was made")
                with self._one_line_errors():
                    encoder.close()
                    os.replace(self._temporary, self.path)
        finally:
            encoder.abort()
            self._temporary_away()

    def _temporary_away(self) -> None:
        with contextlib.suppress(OSError):
            self._temporary.unlink()
        with contextlib.suppress(OSError):  # a folder that holds something stays
            for folder in self._made:
                folder.rmdir()

    @contextlib.contextmanager
    def _one_line_errors(self) -> Iterator[None]:
        """Turn what the libraries raise into an OutputError that names the file."""
        try:
            yield
        except OutputError as error:
            raise OutputError(f"{self.path}: {error}") from None
        except (OSError, av.FFmpegError, soundfile.SoundFileError, AssertionError, ValueError) as error:
            # soundfile asserts that all samples were written.
            reason = getattr(error, "strerror", None) or str(error) or "not all samples were taken"
            raise OutputError(
                f"{self.path}: cannot be written as {self.codec} with {self.sample_rate} Hz, {self.channels} channels "
                f"({reason}); check the folder, the free space and the settings"
            ) from None


def write_audio(
    path: str | os.PathLike,
    waveform: np.ndarray,
    sample_rate: int,
    *,
    codec: str | None = None,
    bitrate: str | int | None = None,
    sample_format: str = "int16",
) -> None:
    """Write a whole waveform `float (samples, channels)`; arguments and errors are those of `AudioWriter`."""
    waveform = np.asarray(waveform)
    require(waveform.ndim == 2, f"{path}: a waveform has the shape (samples, channels), not {waveform.shape}")
    with AudioWriter(
        path, sample_rate, waveform.shape[1], codec=codec, bitrate=bitrate, sample_format=sample_format
    ) as writer:
        writer.write(waveform)


def parse_bitrate(bitrate: str | int | None) -> int:
    """Bits per second from 128000, "128000" or "128k"; None is 128000.

    Raises:
        ConfigError: it is none of these or out of range.
    """
    if bitrate is None:
        return DEFAULT_BIT_RATE
    match = re.fullmatch(r"(\d+)([kK]?)", str(bitrate).strip())
    value = int(match[1]) * (1000 if match[2] else 1) if match else 0
    require(value in BIT_RATES, f"bitrate must be 8k to 1000k, like 128k or 128000 (bits per second), not {bitrate!r}")
    return value
