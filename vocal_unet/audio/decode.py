"""Turns any sound file into float32 blocks at the rate and channel count asked for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np

from vocal_unet.audio.opening import open_source
from vocal_unet.audio.resample import Resampler
from vocal_unet.config import require
from vocal_unet.errors import AudioError


def decode_blocks(
    path: str | os.PathLike,
    *,
    sample_rate: int | None = None,
    channels: int | None = None,
    stream: int = 0,
    offset: float = 0.0,
    duration: float | None = None,
    block_samples: int = 65536,
) -> Iterator[np.ndarray]:
    """Decode a sound file, or a part of it, holding only a block at a time.

    Nothing is opened before the first block is asked for. wav, flac and aiff are read by libsndfile, everything else by
    FFmpeg (through PyAV). The result is exact to the sample: encoder delay and padding are dropped as far as the file
    states them (mp3 with a Xing/LAME header, m4a, ogg; wma does not state its padding).

    Args:
        path: the sound file.
        sample_rate: in Hz; None keeps the file's. Resampling n samples gives round(n * sample_rate / file's rate).
        channels: None keeps all. As in Spleeter, mono is duplicated and of too many channels the first are kept;
            1 is the mean of all channels.
        stream: which audio stream, for files with several (`.stem.mp4`: 0 mixture, 1 to 4 stems).
        offset: where to start, in seconds; rounded to the nearest sample at the file's rate. Exact to the sample in
            every format. In mp4 the decoder jumps there: where the encoder used AAC's noise substitution, those bands
            hold other random values than in a run from the start.
        duration: at most this many seconds; the result is shorter where the file ends earlier.
        block_samples: length of all blocks but the last.

    Yields:
        `float32 (block_samples, channels)`; the last block is shorter. Integer formats are scaled as FFmpeg does
        (int16 / 32768), so samples lie in [-1, 1) unless the file holds floats.

    Raises:
        AudioError: the file is missing, a folder, unreadable, not a sound file, without (such an) audio stream, without
            samples, damaged, cut short (its header states more than it holds), starts after its end, or holds NaN or
            infinite samples. Not noticed: an mp3 without a Xing header that was cut short between two frames.
        ConfigError: an argument is out of range.
    """
    require(sample_rate is None or sample_rate >= 1, f"sample_rate must be at least 1 Hz, not {sample_rate}")
    require(channels is None or channels >= 1, f"channels must be at least 1, not {channels}")
    require(0 <= offset < float("inf"), f"offset must be 0 seconds or more, not {offset}")
    require(duration is None or 0 < duration < float("inf"), f"duration must be more than 0 seconds, not {duration}")
    require(block_samples >= 1, f"block_samples must be at least 1, not {block_samples}")
    path = Path(path)
    return _decode(path, sample_rate, channels, stream, offset, duration, block_samples)


def read_audio(
    path: str | os.PathLike,
    *,
    sample_rate: int | None = None,
    channels: int | None = None,
    stream: int = 0,
    offset: float = 0.0,
    duration: float | None = None,
) -> tuple[np.ndarray, int]:
    """Read a whole sound file, or a part of it, into memory.

    Arguments and errors are those of `decode_blocks`.

    Returns:
        The waveform `float32 (samples, channels)` and its sample rate in Hz.
    """
    if sample_rate is None:
        with open_source(path, stream) as source:
            sample_rate = source.info.sample_rate
    blocks = decode_blocks(
        path, sample_rate=sample_rate, channels=channels, stream=stream, offset=offset, duration=duration
    )
    return np.concatenate(list(blocks)), sample_rate


def _decode(
    path: Path,
    sample_rate: int | None,
    channels: int | None,
    stream: int,
    offset: float,
    duration: float | None,
    block_samples: int,
) -> Iterator[np.ndarray]:
    with open_source(path, stream) as source:
        rate = source.info.sample_rate
        start = round(offset * rate)
        count = None if duration is None else max(1, round(duration * rate))
        blocks: Iterable[np.ndarray] = _checked(source.blocks(start, count), path, start, rate)
        blocks = (to_channels(block, channels, path) for block in blocks)
        if sample_rate is not None and sample_rate != rate:
            blocks = _resampled(blocks, rate, sample_rate, path)
        yield from _rechunked(blocks, block_samples)


def to_channels(block: np.ndarray, channels: int | None, path: Path) -> np.ndarray:
    """`(samples, any)` to `(samples, channels)`: mono is duplicated, 1 is the mean, else the first ones are kept.

    Raises:
        AudioError: the block has more than one channel, but fewer than asked for.
    """
    there = block.shape[1]
    if channels is None or channels == there:
        return block
    if there == 1:
        return np.repeat(block, channels, axis=1)
    if channels == 1:
        return block.mean(axis=1, keepdims=True, dtype=np.float32)
    if there < channels:
        raise AudioError(f"{path}: has {there} channels, {channels} are needed; give a file with more channels")
    return np.ascontiguousarray(block[:, :channels])


def _checked(blocks: Iterable[np.ndarray], path: Path, start: int, rate: int) -> Iterator[np.ndarray]:
    position = start
    for block in blocks:
        finite = np.isfinite(block)
        if not finite.all():
            bad = position + int(np.argmin(finite.all(axis=1)))
            raise AudioError(f"{path}: sample {bad} ({bad / rate:.2f} s) is not a finite number; export the file again")
        position += len(block)
        yield block
    if position == start:
        if start:
            raise AudioError(f"{path}: ends before {start / rate:g} s; choose an earlier offset")
        raise AudioError(f"{path}: holds no samples; give a file with sound in it")


def _resampled(blocks: Iterable[np.ndarray], rate: int, wanted: int, path: Path) -> Iterator[np.ndarray]:
    resampler = None
    try:
        for block in blocks:
            resampler = resampler or Resampler(rate, wanted, block.shape[1])
            yield resampler.process(block)
        if resampler is not None:
            yield resampler.flush()
    except av.FFmpegError as error:
        raise AudioError(
            f"{path}: cannot be resampled from {rate} Hz to {wanted} Hz ({error}); convert it first"
        ) from None


def _rechunked(blocks: Iterable[np.ndarray], block_samples: int) -> Iterator[np.ndarray]:
    """The same samples in blocks of `block_samples`, the last one shorter."""
    kept: list[np.ndarray] = []
    held = 0
    for block in blocks:
        kept.append(block)
        held += len(block)
        if held < block_samples:
            continue
        joined = np.concatenate(kept)
        whole = held - held % block_samples
        for start in range(0, whole, block_samples):
            yield joined[start : start + block_samples]
        kept, held = [joined[whole:]], held - whole
    if held:
        yield np.concatenate(kept)
