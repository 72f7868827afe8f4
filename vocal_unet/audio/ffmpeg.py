"""Reads mp3, ogg, m4a, stem.mp4, wma, opus and what else FFmpeg knows, through PyAV."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np

from vocal_unet.audio.sources import AudioInfo, Source, no_such_stream
from vocal_unet.errors import AudioError

# Frames of AAC and ALAC depend on at most a few frames before them, and mp4 states the time of each: one can jump.
SEEKABLE = {"aac", "alac"}
PREROLL = 8192
# What rounding, encoder delay and the silence that fills the last frame explain of a length that is not the stated one.
PADDING = 4096
OGG_PAGE = 27 + 255 + 255 * 255
# Titles in old encodings are no reason to refuse a song; PyAV 19 accepts them and no longer has the option.
_LENIENT: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
_INTEGER_SCALE = {"u1": 1 / 128, "i2": 1 / 32768, "i4": 1 / 2**31, "i8": 1 / 2**63}


class FFmpegSource(Source):
    """One audio stream of a file, decoded as FFmpeg does: encoder delay dropped where the file states it."""

    def __init__(self, path: Path, stream: int) -> None:
        self._path = path
        try:
            # An absolute path is never taken for a URL, whatever colons the name has.
            self._container = av.open(os.path.abspath(path), **_LENIENT)
        except (av.FFmpegError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise AudioError(
                f"{path}: not a sound file, or its beginning or end is missing ({reason}); give a whole audio file"
            ) from None
        try:
            self._open_stream(stream)
        except BaseException:
            self._container.close()
            raise

    def _open_stream(self, index: int) -> None:
        streams = self._container.streams.audio
        if not streams:
            raise AudioError(f"{self._path}: has no audio stream; give a file with sound in it")
        if not 0 <= index < len(streams):
            raise no_such_stream(self._path, index, len(streams))
        self._stream = streams[index]
        self._decoded = self._frames()
        # What a decoder puts out may differ from the header (HE-AAC doubles the rate), so the first frame decides.
        self._first = next(self._decoded, None)
        if self._first is None:
            raise AudioError(f"{self._path}: holds no samples; give a file with sound in it")
        rate = self._first.sample_rate
        stated = None
        if self._stream.duration is not None and self._stream.time_base is not None:
            stated = float(self._stream.duration * self._stream.time_base)
        samples = round(stated * rate) if stated and self._length_is_exact() else None
        estimate = None if self._container.duration is None else self._container.duration / av.time_base
        self.info = AudioInfo(
            path=self._path,
            sample_rate=rate,
            channels=self._first.layout.nb_channels,
            samples=samples,
            streams=len(streams),
            codec=self._stream.codec_context.name.removesuffix("float"),  # FFmpeg calls its mp3 decoder mp3float
            duration=estimate if stated is None else stated,
        )

    def _length_is_exact(self) -> bool:
        container = self._container.format.name
        if container == "mp3":
            return _has_mp3_length(self._path)
        return "mp4" in container or container in {"ogg", "flac"}

    def _frames(self, seek: int | None = None) -> Iterator[av.AudioFrame]:
        """Decoded frames from where the container stands, or from the last frame before `seek`."""
        seconds = 0.0
        try:
            if seek is not None:
                self._container.seek(seek, stream=self._stream)
            for packet in self._container.demux(self._stream):
                if packet.is_corrupt:
                    raise AudioError(f"{self._path}: damaged or cut short at {seconds:.1f} s; get a whole copy")
                for frame in packet.decode():
                    seconds += frame.samples / frame.sample_rate
                    yield frame
        except (av.FFmpegError, OSError) as error:
            reason = getattr(error, "strerror", None) or error
            raise AudioError(
                f"{self._path}: damaged or cut short at {seconds:.1f} s ({reason}); get a whole copy"
            ) from None

    def _from(self, start: int) -> tuple[int, Iterator[av.AudioFrame]]:
        """The position in samples of the next frame, at or before `start`, and the frames from there."""
        if start > 2 * PREROLL and self._may_seek():
            base = cast(Fraction, self._stream.time_base)
            frames = self._frames(seek=int((start - PREROLL) / self.info.sample_rate / base))
            first = next(frames, None)
            if first is None or first.pts is None:
                raise AudioError(f"{self._path}: damaged near {start / self.info.sample_rate:.1f} s; get a whole copy")
            return round(first.pts * base * self.info.sample_rate), _chain(first, frames)
        assert self._first is not None
        return 0, _chain(self._first, self._decoded)

    def _may_seek(self) -> bool:
        return "mp4" in self._container.format.name and self.info.codec in SEEKABLE and not self._stream.start_time

    def blocks(self, start: int, count: int | None) -> Iterator[np.ndarray]:
        if self.info.samples is not None and start >= self.info.samples:
            return
        position, frames = self._from(start)
        stop = None if count is None else start + count
        for block in self._trimmed(position, frames):
            ahead = max(0, start - position)
            position += len(block)
            if stop is not None and position > stop:
                block = block[: len(block) - (position - stop)]
            if ahead < len(block):
                yield block[ahead:]
            if stop is not None and position >= stop:
                return

    def _trimmed(self, position: int, frames: Iterator[av.AudioFrame]) -> Iterator[np.ndarray]:
        """Whole frames as arrays; checks the stated length and drops the padding after it."""
        rate, channels, stated = self.info.sample_rate, self.info.channels, self.info.samples
        # FFmpeg drops the padding of the others itself; that of mp4 and of Vorbis in a single page is only stated.
        trims = "mp4" in self._container.format.name or self.info.codec == "vorbis"
        held: list[np.ndarray] = []
        for frame in frames:
            if (frame.sample_rate, frame.layout.nb_channels) != (rate, channels):
                raise AudioError(
                    f"{self._path}: changes from {rate} Hz, {channels} channels to {frame.sample_rate} Hz, "
                    f"{frame.layout.nb_channels} channels at {position / rate:.1f} s; convert it to one format first"
                )
            block = as_float(frame)
            position += len(block)
            if stated is None or position <= stated or not trims:
                yield block
                continue
            kept = max(0, len(block) - (position - stated))
            if kept:
                yield block[:kept]
            held.append(block[kept:])
            if position - stated >= PADDING:
                # More than padding: the stated length is wrong, as in fragmented files, and the sound is what counts.
                yield from held
                held, stated = [], None
        if self._container.format.name == "ogg" and not _ends_ogg(self._path):
            raise AudioError(f"{self._path}: cut short at {position / rate:.1f} s; get a whole copy or convert it")
        if stated is not None and position < stated - PADDING:
            raise AudioError(
                f"{self._path}: cut short: it states {stated / rate:.1f} s and ends at {position / rate:.1f} s; "
                "get a whole copy of the file"
            )

    def close(self) -> None:
        self._container.close()


def as_float(frame: av.AudioFrame) -> np.ndarray:
    """A decoded frame as `float32 (samples, channels)`; integers are scaled as FFmpeg scales them (int16 / 32768)."""
    samples = frame.to_ndarray()
    samples = samples.T if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels)
    if samples.dtype.kind == "f":
        return np.ascontiguousarray(samples, dtype=np.float32)
    offset = 128 if samples.dtype.kind == "u" else 0
    scale = _INTEGER_SCALE[samples.dtype.str[1:]]
    return np.ascontiguousarray((samples.astype(np.float64) - offset) * scale, dtype=np.float32)


def _chain(first: av.AudioFrame, rest: Iterator[av.AudioFrame]) -> Iterator[av.AudioFrame]:
    yield first
    yield from rest


def _ends_ogg(path: Path) -> bool:
    """Whether the last page of an ogg file is marked as the end of a stream."""
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - OGG_PAGE))
        tail = file.read()
    page = tail.rfind(b"OggS\0")
    return page >= 0 and page + 5 < len(tail) and bool(tail[page + 5] & 4)


def _has_mp3_length(path: Path) -> bool:
    """Whether an mp3 states its number of frames; without that FFmpeg only estimates the length from the bit rate."""
    with path.open("rb") as file:
        head = file.read(10)
        if head[:3] == b"ID3":
            size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
            file.seek(10 + size)
        else:
            file.seek(0)
        frame = file.read(4096)
    return any(tag in frame for tag in (b"Xing", b"Info", b"VBRI"))
