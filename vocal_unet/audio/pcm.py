"""Raw samples through pipes: float32 blocks from and to bytes without a header."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from vocal_unet.audio.encoders import as_integers
from vocal_unet.config import require
from vocal_unet.errors import AudioError

PCM_FORMATS = ("s16le", "f32le")
"""FFmpeg's names: 16-bit integers or 32-bit floats, little-endian, channels interleaved."""


def read_pcm(stream: BinaryIO, pcm_format: str, channels: int, block_samples: int = 65536) -> Iterator[np.ndarray]:
    """Samples from a pipe until it ends.

    Args:
        stream: open for bytes.
        pcm_format: one of `PCM_FORMATS`.
        channels: interleaved channels.
        block_samples: length of all blocks but the last.

    Yields:
        float32 `(samples, channels)`; integers are scaled by 1 / 32768.

    Raises:
        ConfigError: unknown format, or no channels.
        AudioError: the pipe ends within a sample, gives none at all, or samples that are not numbers.
    """
    dtype = _dtype(pcm_format)
    require(channels >= 1, f"channels must be at least 1, not {channels}")
    width = dtype.itemsize * channels
    received = 0
    while data := _read_whole(stream, width * block_samples):
        if len(data) % width:
            raise AudioError(f"standard input: ends within a sample ({len(data) % width} bytes of {width} left)")
        block = np.frombuffer(data, dtype).reshape(-1, channels)
        samples = block.astype(np.float32) / np.float32(32768) if dtype.kind == "i" else block.astype(np.float32)
        if not np.isfinite(samples).all():
            raise AudioError("standard input: holds samples that are not finite numbers; check the format of the pipe")
        received += len(samples)
        yield samples
    if not received:
        raise AudioError("standard input: holds no samples")


def pcm_bytes(block: np.ndarray, pcm_format: str) -> bytes:
    """Bytes of `float32 (samples, channels)`; integers are rounded to the nearest and clipped at ±1.

    Raises:
        ConfigError: unknown format.
    """
    dtype = _dtype(pcm_format)
    return (as_integers(block, 16) if dtype.kind == "i" else block).astype(dtype).tobytes()


def _dtype(pcm_format: str) -> np.dtype:
    require(pcm_format in PCM_FORMATS, f"raw samples are one of {', '.join(PCM_FORMATS)}, not {pcm_format!r}")
    return np.dtype("<i2" if pcm_format == "s16le" else "<f4")


def _read_whole(stream: BinaryIO, size: int) -> bytes:
    """`size` bytes, fewer only at the end: an unbuffered pipe gives what happens to be there."""
    parts = []
    while size and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
