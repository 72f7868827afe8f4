"""Encodes float32 blocks: wav, flac and ogg with libsndfile; mp3, m4a and wma with FFmpeg (through PyAV)."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import soundfile
from av.audio.stream import AudioStream

from vocal_unet.errors import OutputError

WAV_BYTES = 2**32 - 2**16
VORBIS_BLOCK = 4096
# Nominal kbit/s of libvorbis qualities -1, 0, … 10 for 44.1 kHz stereo.
VORBIS_KBITS = (45, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 500)


class Encoder(ABC):
    """Writes one open file. `close` finishes it; `abort` lets go of a file that will be deleted."""

    @abstractmethod
    def write(self, block: np.ndarray) -> None:
        """Append `float32 (n, channels)`."""

    @abstractmethod
    def close(self) -> None:
        """Write what is pending and close the file."""

    @abstractmethod
    def abort(self) -> None:
        """Close the file, whatever state it is in."""


@dataclass(frozen=True)
class Target:
    """Where and as what to encode: rate in Hz, `bit_rate` in bits per second."""

    path: Path
    sample_rate: int
    channels: int
    sample_format: str
    bit_rate: int


def as_integers(block: np.ndarray, bits: int) -> np.ndarray:
    """Float samples to `bits`-bit integers, clipped at ±1 and rounded to the nearest (half to even), as FFmpeg does.

    16 bits give int16; 24 bits give int32 with the lowest byte 0, as libsndfile takes them. (libsndfile itself would
    round down, half a step of constant offset.)
    """
    full = 2.0 ** (bits - 1)
    scaled = np.clip(np.rint(block * np.float32(full)), -full, full - 1)
    return scaled.astype(np.int16) if bits == 16 else scaled.astype(np.int32) << 8


class SoundFileEncoder(Encoder):
    """wav (16 or 24 bits, float), flac (16 or 24 bits) and ogg (Vorbis at the quality nominal for the bit rate)."""

    def __init__(self, target: Target, container: str) -> None:
        subtypes = {"int16": "PCM_16", "int24": "PCM_24", "float32": "FLOAT"}
        self._bits = {"int16": 16, "int24": 24, "float32": 0}[target.sample_format]
        self._limit = WAV_BYTES if container == "WAV" else None
        self._frame_bytes = target.channels * {16: 2, 24: 3, 0: 4}[self._bits]
        self._bytes = 0
        self._pending: np.ndarray = np.zeros((0, target.channels), np.float32)
        self._step = 1
        extra = {}
        subtype = subtypes[target.sample_format]
        if container == "OGG":
            subtype, self._bits = "VORBIS", 0
            # libsndfile encodes a block on the stack: long ones end the process. And libvorbis fits its first samples
            # to the first block: blocks of one length make the file independent of how it is written.
            self._step = VORBIS_BLOCK
            extra = {"compression_level": 1 - vorbis_quality(target.bit_rate, target.channels)}
        self._file = soundfile.SoundFile(
            target.path, "w", target.sample_rate, target.channels, subtype, format=container, **extra
        )

    def write(self, block: np.ndarray) -> None:
        self._bytes += len(block) * self._frame_bytes
        if self._limit is not None and self._bytes > self._limit:
            raise OutputError("a wav file holds at most 4 GiB; write flac instead")
        samples = as_integers(block, self._bits) if self._bits else block
        if self._step == 1:
            self._file.write(samples)
            return
        samples = np.concatenate([self._pending, samples])
        whole = len(samples) - len(samples) % self._step
        for start in range(0, whole, self._step):
            self._file.write(samples[start : start + self._step])
        self._pending = samples[whole:]

    def close(self) -> None:
        if len(self._pending):
            self._file.write(self._pending)
        self._file.close()

    def abort(self) -> None:
        with contextlib.suppress(soundfile.SoundFileError):
            self._file.close()


def vorbis_quality(bit_rate: int, channels: int) -> float:
    """libvorbis quality, 0 to 1, whose nominal bit rate is nearest; two channels cost twice what one costs."""
    stereo_kbits = bit_rate / 1000 * 2 / channels
    quality = np.interp(stereo_kbits, VORBIS_KBITS, np.arange(-1, len(VORBIS_KBITS) - 1))
    return float(np.clip(quality / 10, 0.0, 1.0))


class FFmpegEncoder(Encoder):
    """mp3 (LAME), m4a (FFmpeg's AAC) and wma (WMA 2). Samples beyond ±1 go to the encoder as they are."""

    def __init__(self, target: Target, container: str, codec: str) -> None:
        self._rate = target.sample_rate
        self._layout = {1: "mono", 2: "stereo"}[target.channels]
        # An edit list counted in samples: otherwise the stated length is rounded to milliseconds.
        options = {"movie_timescale": str(self._rate)} if container == "ipod" else {}
        self._container = av.open(str(target.path.absolute()), "w", format=container, options=options)
        self._written = 0
        try:
            rates = av.Codec(codec, "w").audio_rates
            if rates and self._rate not in rates:
                known = ", ".join(str(rate) for rate in sorted(rates))
                raise OutputError(f"{codec} takes no sample rate of {self._rate} Hz, only {known}")
            self._stream = cast(AudioStream, self._container.add_stream(codec, rate=self._rate, layout=self._layout))
            self._stream.bit_rate = target.bit_rate
            self._stream.codec_context.open()
            if codec == "wmav2":
                # A WMA decoder drops its first frame, and the format has no field that would say how much to drop.
                self.write(np.zeros((self._stream.codec_context.frame_size, target.channels), np.float32))
        except BaseException:
            self.abort()
            raise

    def write(self, block: np.ndarray) -> None:
        if not len(block):
            return
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(block).reshape(1, -1), format="flt", layout=self._layout
        )
        frame.sample_rate = self._rate
        frame.time_base = Fraction(1, self._rate)
        frame.pts = self._written
        self._written += len(block)
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def abort(self) -> None:
        with contextlib.suppress(av.FFmpegError, OSError):
            self._container.close()
